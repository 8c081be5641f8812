package target

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
)

// answering is a transport that always answers the same.
type answering struct {
	answer
	broken error // instead of an answer
}

func (a answering) Do(r *http.Request) (*http.Response, error) {
	if a.broken != nil {
		return nil, a.broken
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if a.code != "" {
		header.Set("X-Amzn-Errortype", a.code)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// noWait repeats without waiting.
type noWait struct{}

func (noWait) BackoffDelay(int, error) (time.Duration, error) { return 0, nil }

// Throttled requests are repeated with patience, broken ones a few times, those
// that a quota refuses not at all.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name string
		answering
		requests int64
	}{
		{"throttled", answering{answer: answer{429, "TooManyRequestsException", `{"message":"Too Many Requests"}`}}, 10},
		{"throttled, as IAM says it", answering{answer: answer{400, "Throttling", `{"message":"Rate exceeded"}`}}, 10},
		{"a plain 500", answering{answer: answer{500, "", "<h1>Internal Server Error</h1>"}}, 3},
		{"unavailable", answering{answer: answer{503, "ServiceUnavailableException", `{"message":"later"}`}}, 3},
		{"a broken connection", answering{broken: io.ErrUnexpectedEOF}, 3},
		{"a quota", answering{answer: answer{429, "LimitExceededException", `{"message":"Maximum number of APIs for this account has been reached"}`}}, 1},
		{"an operation that is not there", answering{answer: answer{501, "NotImplemented", `{"message":"no"}`}}, 1},
		{"refused", answering{answer: answer{403, "AccessDeniedException", `{"message":"no"}`}}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, requests, err := Place{}.config(context.Background(), noWait{})
			if err != nil {
				t.Fatal(err)
			}
			config.HTTPClient.(*countingClient).client = c.answering
			_, err = apigateway.NewFromConfig(config).GetRestApis(context.Background(), &apigateway.GetRestApisInput{})
			if requests() != c.requests {
				t.Errorf("%d requests, want %d", requests(), c.requests)
			}
			switch {
			case err == nil:
				t.Error("no error")
			case c.broken != nil && !errors.Is(err, c.broken), c.code != "" && errorCode(err) != c.code:
				t.Errorf("the error is hidden: %v", err)
			}
		})
	}
}
