// The Go function that the benchmarks call: the smallest answer a proxy
// integration takes, through the runtime client that users have.
package main

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/lambda"
)

type answer struct {
	StatusCode int    `json:"statusCode"`
	Body       string `json:"body"`
}

func main() {
	lambda.Start(func(context.Context, json.RawMessage) (answer, error) {
		return answer{StatusCode: 200, Body: "hello"}, nil
	})
}
