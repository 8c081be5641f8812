package diff

import "testing"

func TestNormal(t *testing.T) {
	here, there := place{"111122223333", "eu-central-1", "a1b2c3d4e5"}, place{"444455556666", "cn-north-1", "f6g7h8i9j0"}
	for _, c := range []struct {
		left, right string
		same        bool
	}{
		{"arn:aws:sqs:eu-central-1:111122223333:q", "arn:aws-cn:sqs:cn-north-1:444455556666:q", true},
		{"arn:aws:sqs:eu-central-1:111122223333:q", "arn:aws-cn:sqs:cn-north-1:444455556666:p", false},
		{"arn:aws:sqs:us-east-1:111122223333:q", "arn:aws-cn:sqs:cn-north-1:444455556666:q", false},
		{"arn:aws:apigateway:eu-central-1:sqs:path/111122223333/q", "arn:aws-cn:apigateway:cn-north-1:sqs:path/444455556666/q", true},
		{"https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/x", "https://f6g7h8i9j0.execute-api.cn-north-1.amazonaws.com/x", true},
		{"arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/*", "arn:aws-cn:execute-api:cn-north-1:444455556666:f6g7h8i9j0/*", true},
		{"arn:aws:s3:::x-1111222233339", "arn:aws-cn:s3:::x-4444555566669", false}, // another, longer number
		{"eu-central-1", "cn-north-1", false}, // a plain text means what it says
		{"111122223333", "444455556666", false},
		{"", "", true},
	} {
		if got := here.normal(c.left) == there.normal(c.right); got != c.same {
			t.Errorf("%q and %q: %v", c.left, c.right, got)
		}
	}
}

// Whatever an export holds, reading it ends, and it does not differ from itself.
func FuzzExported(f *testing.F) {
	f.Add([]byte(`{"openapi":"3.0.1","servers":[{"x-amazon-apigateway-endpoint-configuration":{"disableExecuteApiEndpoint":true}}],
		"paths":{"/a":{"get":{"security":[{"jwt":["s"]}],"parameters":[{"in":"query","name":"q"}],"x-amazon-apigateway-integration":{"type":"mock"}},"parameters":[]},"/b":{}},
		"components":{"schemas":{"M":{"enum":[1,null]}},"securitySchemes":{"jwt":{"x-amazon-apigateway-authorizer":{"type":"jwt"}}}},
		"x-amazon-apigateway-policy":{"Statement":{"Effect":"Allow"}}}`))
	f.Add([]byte(`{"paths":[],"components":1,"servers":{},"x-amazon-apigateway-policy":"x"}`))
	f.Fuzz(func(t *testing.T, export []byte) {
		one, err := exported(export)
		if err != nil {
			return
		}
		other, err := exported(export)
		if err != nil {
			t.Fatal(err)
		}
		c := &comparing{left: &half{snapshot: one, Side: &Side{}}, right: &half{snapshot: other, Side: &Side{}}}
		for _, all := range [][2]things{{one.methods, other.methods}, {one.api, other.api}, {one.authorizers, other.authorizers}, {one.models, other.models}, {one.responses, other.responses}} {
			if s := c.section("", "", all[0], all[1]); len(s.Rows) != 0 {
				t.Fatalf("%+v", s.Rows)
			}
		}
		if s := c.policy(); len(s.Rows) != 0 {
			t.Fatalf("%+v", s.Rows)
		}
	})
}
