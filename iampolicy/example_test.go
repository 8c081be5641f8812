package iampolicy_test

import (
	"fmt"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// A Lambda function's policy allows POST; API Gateway asks for GET.
func Example() {
	policy, err := iampolicy.Parse([]byte(`{
		"Version": "2012-10-17",
		"Statement": [{
			"Sid": "post",
			"Effect": "Allow",
			"Principal": {"Service": "apigateway.amazonaws.com"},
			"Action": "lambda:InvokeFunction",
			"Resource": "arn:aws:lambda:us-east-1:123456789012:function:my-function",
			"Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/*/POST/users"}}
		}]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	request := &iampolicy.Request{
		Principal: iampolicy.Principal{Type: iampolicy.Service, ID: "apigateway.amazonaws.com"},
		Action:    "lambda:InvokeFunction",
		Resource:  "arn:aws:lambda:us-east-1:123456789012:function:my-function",
		Context: iampolicy.Context{
			{Name: "aws:SourceArn", Values: []string{"arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/GET/users"}},
		},
	}
	fmt.Println(policy.Evaluate(request))
	nearest := policy.Explain(request).Statements[0]
	for _, element := range nearest.Failed() {
		for _, segment := range element.Differing() {
			fmt.Printf("statement %q, %s %s: want %s, got %s\n", nearest.Sid, element.Operator, element.Key, segment.Want, segment.Got)
		}
	}
	// Output:
	// NoMatch
	// statement "post", ArnLike AWS:SourceArn: want POST, got GET
}

// Errors say where, what and what instead.
func ExampleParse_error() {
	_, err := iampolicy.Parse([]byte(`{"Statement": {"Effect": "allow", "Action": "*"}}`))
	fmt.Println(err)
	// Output: policy line 1, column 26 (/Statement/Effect): "allow" is no Effect: write "Allow" or "Deny" (case matters)
}
