package iampolicy

import (
	"fmt"
	"strings"
	"testing"
)

// fullPolicy is a function policy as large as Lambda lets it become: 20 KB,
// one statement for each method.
func fullPolicy(tb testing.TB) *Policy {
	tb.Helper()
	const frame = `{"Sid":"s%d","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:us-east-1:123456789012:function:my-function","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/*/GET/resource-%d/{id}"}}}`
	var statements []string
	size := 64
	for i := 0; ; i++ {
		s := fmt.Sprintf(frame, i, i)
		if size += len(s) + 1; size > 20480 {
			break
		}
		statements = append(statements, s)
	}
	return mustParse(tb, `{"Version":"2012-10-17","Id":"default","Statement":[`+strings.Join(statements, ",")+`]}`)
}

func fullRequest(path string) *Request {
	return &Request{
		Principal: Principal{Type: Service, ID: "apigateway.amazonaws.com"},
		Action:    "lambda:InvokeFunction",
		Resource:  "arn:aws:lambda:us-east-1:123456789012:function:my-function",
		Context: Context{
			{Name: "aws:SourceAccount", Values: []string{"123456789012"}},
			{Name: "aws:SourceArn", Values: []string{"arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/GET/" + path}},
		},
	}
}

// BenchmarkEvaluate20KB is the worst case of the data plane: a full policy that
// allows nothing of what is asked (target: ≤ 5 µs, no allocation).
func BenchmarkEvaluate20KB(b *testing.B) {
	p, r := fullPolicy(b), fullRequest("other/{id}")
	b.ReportAllocs()
	for b.Loop() {
		if p.Evaluate(r) != NoMatch {
			b.Fatal("allowed")
		}
	}
}

func BenchmarkEvaluateLast20KB(b *testing.B) {
	p := fullPolicy(b)
	r := fullRequest(fmt.Sprintf("resource-%d/{id}", p.Len()-1))
	b.ReportAllocs()
	for b.Loop() {
		if p.Evaluate(r) != Allow {
			b.Fatal("refused")
		}
	}
}

func BenchmarkExplain20KB(b *testing.B) {
	p, r := fullPolicy(b), fullRequest("other/{id}")
	b.ReportAllocs()
	for b.Loop() {
		p.Explain(r)
	}
}

func BenchmarkManyStars(b *testing.B) {
	p := mustParse(b, one(`,"Resource":"`+strings.Repeat("*a", 100)+`*b*"`))
	r := &Request{Action: "a:b", Resource: strings.Repeat("a", 1000)}
	for b.Loop() {
		p.Evaluate(r)
	}
}

// Evaluate allocates nothing, also with wildcards and variables.
func TestEvaluateAllocatesNothing(t *testing.T) {
	p, r := fullPolicy(t), fullRequest("other/{id}")
	variables := mustParse(t, one(`,"Condition":{"StringLike":{"aws:SourceAccount":["${x, 'y'}*","1${aws:SourceAccount}?"]},"NumericEquals":{"aws:SourceAccount":5},"IpAddress":{"ip":"10.0.0.0/8"}}`))
	if n := testing.AllocsPerRun(100, func() { p.Evaluate(r); variables.Evaluate(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
