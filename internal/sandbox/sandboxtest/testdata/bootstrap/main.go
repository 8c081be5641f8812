// A function with AWS's own Go runtime client, for tests of the Runtime API.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do string `json:"do"`
}

func handle(ctx context.Context, e event) (any, error) {
	switch e.Do {
	case "context":
		c, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return map[string]any{
			"requestId": c.AwsRequestID, "arn": c.InvokedFunctionArn, "client": c.ClientContext.Custom,
			"name": lambdacontext.FunctionName, "remaining": time.Until(deadline) > time.Second,
			"trace": os.Getenv("_X_AMZN_TRACE_ID"),
		}, nil
	case "error":
		return nil, errors.New("no luck")
	case "panic":
		panic("at the disco")
	case "exit":
		os.Exit(3)
	case "print":
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
	case "big":
		return strings.Repeat("x", 7<<20), nil
	}
	return e, nil
}

func main() { lambda.Start(handle) }
