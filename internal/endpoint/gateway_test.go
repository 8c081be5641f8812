package endpoint_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/endpoint"
	"github.com/stagedoor/stagedoor/internal/gateway"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// echo is a door that is open and a function that answers its event.
type echo struct{ entered, leave chan struct{} }

func (echo) Decide(*grants.Call) grants.Outcome                   { return grants.Allowed }
func (echo) Refuse(context.Context, *grants.Call, grants.Outcome) {}
func (echo) RefuseAPI(*grants.APIRefusal)                         {}
func (echo) Explain(*grants.Call) *grants.Decision                { return nil }
func (echo) Mode() grants.Mode                                    { return grants.Enforce }
func (echo) Flush(context.Context) error                          { return nil }

func (echo) Decision(context.Context, string) (*grants.Decision, error) {
	return nil, grants.ErrDecisionNotFound
}

func (e echo) Invoke(_ context.Context, r *invoke.Request) (*invoke.Result, error) {
	if e.entered != nil {
		e.entered <- struct{}{}
		<-e.leave
	}
	body, err := json.Marshal(map[string]any{"statusCode": 200, "body": string(r.Payload)})
	return &invoke.Result{Payload: body}, err
}

// serve starts the one port with an API "abc", stage "dev", ANY /{proxy+}.
func serve(t *testing.T, e echo) (*endpoint.Server, string) {
	t.Helper()
	s := storetest.New(t)
	g := gateway.New(s, e, e, nil, gateway.Options{RawHeader: endpoint.RawHeader, Logger: slog.New(slog.DiscardHandler)})
	const a, r = "123456789012", "us-east-1"
	uri := "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:fn/invocations"
	_, err := store.Put(t.Context(), s, state.DeploymentKey(a, r, "abc", "d"), &state.Deployment{Account: a, Region: r, API: "abc", ID: "d", APISnapshot: state.APISnapshot{
		Resources: map[string]*state.Resource{"p": {ID: "p", Path: "/{proxy+}", Methods: map[string]*state.Method{
			"ANY": {AuthorizationType: "NONE", Integration: &state.Integration{Type: "AWS_PROXY", HTTPMethod: "POST", URI: uri}}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), s, state.StageKey(a, r, "abc", "dev"), &state.Stage{Account: a, Region: r, API: "abc", Name: "dev", DeploymentID: "d"}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := endpoint.New(endpoint.Options{DataPlane: g})
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return srv, l.Addr().String()
}

// Names of headers travel from the wire into the event (AWS recording
// test_lambda_aws_proxy_integration: "tEsT-HEADeR" stays, "authorization" becomes
// "Authorization"), on each request of a connection.
func TestHeaderNamesReachTheEvent(t *testing.T) {
	_, addr := serve(t, echo{})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answers := bufio.NewReader(c)
	for i := range 3 {
		fmt.Fprintf(c, "POST /dev/x HTTP/1.1\r\nhost: abc.execute-api.localhost:4566\r\ntEsT-HEADeR: aValUE%d\r\nauthorization: a\r\ncontent-length: 2\r\nX-Long: %s\r\n\r\nhi", i, strings.Repeat("x", 3000*i))
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		var event struct {
			Headers map[string]string
			Body    string
		}
		if err := json.Unmarshal(text, &event); err != nil {
			t.Fatal(err)
		}
		if event.Headers["tEsT-HEADeR"] != fmt.Sprintf("aValUE%d", i) || event.Headers["Authorization"] != "a" || event.Headers["Host"] != "abc.execute-api.localhost:4566" || event.Body != "hi" {
			t.Errorf("request %d: %s", i, text)
		}
		if resp.ContentLength != int64(len(text)) || resp.Header.Get("Connection") != "keep-alive" || resp.Header.Get("X-Amzn-Trace-Id") == "" {
			t.Errorf("header %v", resp.Header)
		}
	}
}

// A body that is announced as too big is refused without being asked for.
func TestTooBigBodyIsNotRead(t *testing.T) {
	_, addr := serve(t, echo{})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST /dev/x HTTP/1.1\r\nHost: abc.execute-api.localhost\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 413 {
		t.Fatal(resp, err)
	}
	text, _ := io.ReadAll(resp.Body)
	if string(text) != `HTTP content length exceeded 10485760 bytes.` {
		t.Errorf("%s", text)
	}
}

// Shutdown lets a running request end.
func TestShutdownWaits(t *testing.T) {
	e := echo{entered: make(chan struct{}), leave: make(chan struct{})}
	srv, addr := serve(t, e)
	answer := make(chan string, 1)
	go func() {
		r, _ := http.NewRequest("GET", "http://"+addr+"/_aws/execute-api/abc/dev/x", nil)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(r)
		if err != nil {
			answer <- err.Error()
			return
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		answer <- string(text)
	}()
	<-e.entered
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Shutdown(t.Context()) }()
	close(e.leave)
	if got := <-answer; !strings.Contains(got, `"path":"/x"`) {
		t.Error(got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
