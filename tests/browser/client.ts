// A web app with the generated client over gRPC-Web. The tests call its functions in the browser.

import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

import { BadRequestSchema, ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { AuthService } from "./gen/gymlocker/v2/auth_pb.js";
import { SystemService } from "./gen/gymlocker/v2/system_pb.js";
import { UserService } from "./gen/gymlocker/v2/user_pb.js";
import { WorkoutService } from "./gen/gymlocker/v2/workout_pb.js";

function transportTo(baseUrl: string, accessToken?: string): Transport {
  const authorize: Interceptor = (next) => (request) => {
    if (accessToken) request.header.set("authorization", `Bearer ${accessToken}`);
    return next(request);
  };
  return createGrpcWebTransport({ baseUrl, interceptors: [authorize] });
}

async function health(url: string): Promise<string> {
  return (await createClient(SystemService, transportTo(url)).getHealth({})).status;
}

// Creates a user and looks it up; returns both ids.
async function user(url: string): Promise<{ created: string; found: string }> {
  const users = createClient(UserService, transportTo(url));
  const created = await users.createUser({});
  const found = await users.getUser({ idOrLookup: created.lookup });
  return { created: created.id, found: found.id };
}

// Creates an account with workouts of these types, and returns the types in its exported file,
// which arrives as a stream.
async function exported(url: string, username: string, types: string[]): Promise<string[]> {
  const credentials = { username, password: "correct horse battery" };
  const accounts = createClient(AuthService, transportTo(url));
  await accounts.register(credentials);
  const { accessToken } = await accounts.login(credentials);
  const workouts = createClient(WorkoutService, transportTo(url, accessToken));
  for (const type of types) {
    await workouts.createWorkout({ date: "2026-02-07", type, duration: 30 });
  }
  const decoder = new TextDecoder();
  let file = "";
  for await (const piece of workouts.exportWorkouts({ format: "json" })) {
    file += decoder.decode(piece.data, { stream: true });
  }
  return (JSON.parse(file) as { type: string }[]).map((workout) => workout.type);
}

interface Failure {
  code: string;
  message: string;
  reasons: string[];
  fields: string[];
}

// Registers with a short password, and returns the error.
async function refused(url: string): Promise<Failure> {
  const accounts = createClient(AuthService, transportTo(url));
  try {
    await accounts.register({ username: "somebody", password: "short" });
  } catch (error) {
    const failure = ConnectError.from(error);
    const violations = failure.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations);
    return {
      code: Code[failure.code],
      message: failure.rawMessage,
      reasons: failure.findDetails(ErrorInfoSchema).map((info) => info.reason),
      fields: violations.map((violation) => violation.field),
    };
  }
  throw new Error("the server accepted the password");
}

Object.assign(globalThis, { health, user, exported, refused });
