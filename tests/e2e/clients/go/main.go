// A producer in Go, generated from coffeeco's .proto files by stock protoc: it tracks a good order and a bad one, follows several
// over one stream, and publishes through the ingest service. One line of JSON for each answer.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	customer "tidegate.example/client/gen/coffeeco/customer/v1"
	ingest "tidegate.example/client/gen/tidegate/ingest/v1"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(address, token, orderID string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	orders := customer.NewCustomerServiceClient(connection)

	stored, err := orders.TrackOrder(metadata.AppendToOutgoingContext(ctx, "event-id", orderID+"-go"), order(orderID, 5))
	if err != nil {
		return err
	}
	show("TrackOrder", map[string]any{"statusCode": stored.StatusCode, "message": stored.Message})

	_, err = orders.TrackOrder(ctx, order("no uuid", 11))
	show("TrackOrder", refusal(err))

	if err := follow(ctx, orders, orderID); err != nil {
		return err
	}
	return publish(ctx, ingest.NewIngestServiceClient(connection), orderID)
}

// follow sends two good orders and a bad one over one stream, and prints every answer and the end.
func follow(ctx context.Context, orders customer.CustomerServiceClient, orderID string) error {
	stream, err := orders.FollowOrders(ctx)
	if err != nil {
		return err
	}
	for _, boldness := range []int32{1, 2, 11} {
		if err := stream.Send(order(orderID, boldness)); err != nil && err != io.EOF {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for {
		answer, err := stream.Recv()
		if err != nil {
			show("FollowOrders", refusal(err))
			return nil
		}
		show("FollowOrders", map[string]any{"statusCode": answer.StatusCode, "message": answer.Message})
	}
}

func publish(ctx context.Context, events ingest.IngestServiceClient, orderID string) error {
	good, err := proto.Marshal(order(orderID, 3))
	if err != nil {
		return err
	}
	bad, err := proto.Marshal(order(orderID, 0))
	if err != nil {
		return err
	}
	response, err := events.Publish(ctx, &ingest.PublishRequest{
		Topic: "customer.order-status",
		Events: []*ingest.Event{
			{Id: "good", ValueForm: &ingest.Event_Data{Data: good}},
			{Id: "bad", ValueForm: &ingest.Event_Data{Data: bad}},
		},
	})
	if err != nil {
		return err
	}
	for _, result := range response.Results {
		show("Publish", map[string]any{"id": result.Id, "status": result.Status.String(), "code": result.GetError().GetCode()})
	}
	return nil
}

func order(id string, boldness int32) *customer.Order {
	return &customer.Order{
		OrderId:   id,
		Status:    customer.OrderStatus_ORDER_STATUS_ROASTING,
		ChangedAt: timestamppb.New(time.Date(2026, 1, 31, 12, 5, 0, 0, time.UTC)),
		Coffees:   []*customer.Coffee{{Name: "Sidamo", Boldness: boldness, Quantity: 1}},
	}
}

// refusal is what the error's details say, as any Go program reads them.
func refusal(err error) map[string]any {
	told := status.Convert(err)
	said := map[string]any{"code": int(told.Code())}
	for _, detail := range told.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			said["reason"] = detail.Reason
			if index, found := detail.Metadata["index"]; found {
				said["index"] = index
			}
		case *errdetails.BadRequest:
			violations := [][]string{}
			for _, violation := range detail.FieldViolations {
				violations = append(violations, []string{violation.Field, violation.Reason})
			}
			said["violations"] = violations
		}
	}
	return said
}

func show(call string, answer map[string]any) {
	answer["call"] = call
	line, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}
