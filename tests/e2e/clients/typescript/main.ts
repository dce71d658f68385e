// A producer in TypeScript, generated from coffeeco's .proto files by protoc and ts-proto: it tracks a good order and a bad one,
// follows several over one stream, and publishes through the ingest service. One line of JSON for each answer.

import { credentials, Metadata, ServiceError } from "@grpc/grpc-js";
import { CustomerServiceClient, Response } from "./gen/coffeeco/customer/v1/customer_service";
import { Order, OrderStatus } from "./gen/coffeeco/customer/v1/order";
import { BadRequest, ErrorInfo } from "./gen/google/rpc/error_details";
import { Status } from "./gen/google/rpc/status";
import { IngestServiceClient, PublishResponse, statusToJSON } from "./gen/tidegate/ingest/v1/ingest";

const [address, token, orderId] = process.argv.slice(2);
const metadata = new Metadata();
metadata.set("authorization", `Bearer ${token}`);

async function main(): Promise<void> {
  const orders = new CustomerServiceClient(address, credentials.createInsecure());
  const own = metadata.clone();
  own.set("event-id", `${orderId}-typescript`);
  const stored = await new Promise<Response>((resolve, reject) =>
    orders.trackOrder(order(orderId, 5), own, (error, response) => (error ? reject(error) : resolve(response))),
  );
  show("TrackOrder", { statusCode: stored.statusCode, message: stored.message });

  const refused = await new Promise<ServiceError>((resolve, reject) =>
    orders.trackOrder(order("no uuid", 11), metadata, (error) => (error ? resolve(error) : reject(new Error("stored")))),
  );
  show("TrackOrder", refusal(refused));

  await follow(orders);
  orders.close();

  const events = new IngestServiceClient(address, credentials.createInsecure());
  const request = {
    topic: "customer.order-status",
    events: [
      { id: "good", data: encoded(3), framed: false, headers: {}, time: undefined, version: 0 },
      { id: "bad", data: encoded(0), framed: false, headers: {}, time: undefined, version: 0 },
    ],
  };
  const published = await new Promise<PublishResponse>((resolve, reject) =>
    events.publish(request, metadata, (error, response) => (error ? reject(error) : resolve(response))),
  );
  for (const result of published.results) {
    show("Publish", { id: result.id, status: statusToJSON(result.status), code: result.error?.code ?? "" });
  }
  events.close();
}

// Two good orders and a bad one over one stream; every answer, and the end.
function follow(orders: CustomerServiceClient): Promise<void> {
  return new Promise((resolve) => {
    const stream = orders.followOrders(metadata);
    stream.on("data", (answer: Response) => show("FollowOrders", { statusCode: answer.statusCode, message: answer.message }));
    stream.on("error", (error: ServiceError) => {
      show("FollowOrders", refusal(error));
      resolve();
    });
    for (const boldness of [1, 2, 11]) stream.write(order(orderId, boldness));
    stream.end();
  });
}

function order(id: string, boldness: number): Order {
  return {
    orderId: id,
    status: OrderStatus.ORDER_STATUS_ROASTING,
    changedAt: new Date("2026-01-31T12:05:00Z"),
    coffees: [{ name: "Sidamo", boldness, quantity: 1 }],
    attributes: {},
  };
}

function encoded(boldness: number): Buffer {
  return Buffer.from(Order.encode(order(orderId, boldness)).finish());
}

// What the error's details say: grpc-js hands over the status as bytes, google.rpc's own types read it.
function refusal(error: ServiceError): Record<string, unknown> {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const status = Status.decode(bytes as Buffer);
  const said: Record<string, unknown> = { code: status.code };
  for (const detail of status.details) {
    if (detail.typeUrl.endsWith("/google.rpc.ErrorInfo")) {
      const info = ErrorInfo.decode(detail.value);
      said.reason = info.reason;
      if ("index" in info.metadata) said.index = info.metadata.index;
    } else if (detail.typeUrl.endsWith("/google.rpc.BadRequest")) {
      said.violations = BadRequest.decode(detail.value).fieldViolations.map((one) => [one.field, one.reason]);
    }
  }
  return said;
}

function show(call: string, answer: Record<string, unknown>): void {
  console.log(JSON.stringify({ call, ...answer }));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
