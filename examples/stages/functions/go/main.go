// my-function-prod: answers which stage called it. Compiled to a file called
// bootstrap, it runs on the runtime provided.al2023.
package main

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() {
	lambda.Start(func(_ context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		body, err := json.Marshal(map[string]string{
			"stage":    event.RequestContext.Stage,
			"function": lambdacontext.FunctionName,
			"language": "Go",
		})
		return events.APIGatewayProxyResponse{
			StatusCode: 200,
			Headers:    map[string]string{"Content-Type": "application/json"},
			Body:       string(body),
		}, err
	})
}
