package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted answers as AWS does, by the path of the request.
type scripted struct {
	mu      sync.Mutex
	answers map[string][]answer // of a path in turn; the last one stays
	asked   []string
}

type answer struct {
	status     int
	code, body string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // the body does not matter
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.Path)
	queue := s.answers[r.URL.Path]
	if len(queue) == 0 {
		queue = []answer{{400, "UnsupportedOperation", `{"message":"not here"}`}}
	}
	if len(queue) > 1 {
		s.answers[r.URL.Path] = queue[1:]
	}
	a := queue[0]
	if a.code != "" {
		w.Header().Set("X-Amzn-Errortype", a.code)
	}
	w.Header().Set("Content-Type", "application/json")
	if strings.HasPrefix(a.body, "<") {
		w.Header().Set("Content-Type", "text/xml")
	}
	w.WriteHeader(max(a.status, 200))
	fmt.Fprint(w, a.body)
}

const identity = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`

// account has one API with one stage and one function.
func account() map[string][]answer {
	return map[string][]answer{
		"/":                                   {{body: identity}},
		"/restapis":                           {{body: `{"item":[{"id":"a1b2c3d4e5","name":"shop"}]}`}},
		"/restapis/a1b2c3d4e5/resources":      {{body: `{"item":[{"id":"r1","path":"/","resourceMethods":{"GET":{"httpMethod":"GET","methodIntegration":{"type":"MOCK"}}}}]}`}},
		"/restapis/a1b2c3d4e5/stages":         {{body: `{"item":[{"stageName":"prod","deploymentId":"d1"}]}`}},
		"/restapis/a1b2c3d4e5/deployments/d1": {{body: `{"id":"d1","apiSummary":{"/":{"GET":{"authorizationType":"NONE"}}}}`}},
		"/account":                            {{body: `{"cloudwatchRoleArn":"arn:aws:iam::111122223333:role/logs"}`}},
		"/2015-03-31/functions/":              {{body: `{"Functions":[{"FunctionName":"f","FunctionArn":"arn:aws:lambda:us-east-1:111122223333:function:f","Environment":{"Variables":{"SECRET":"x"}}}]}`}},
		"/2015-03-31/functions":               {{body: `{"Functions":[{"FunctionName":"f","FunctionArn":"arn:aws:lambda:us-east-1:111122223333:function:f","Environment":{"Variables":{"SECRET":"x"}}}]}`}},
		"/2015-03-31/functions/f/aliases":     {{body: `{"Aliases":[{"Name":"live","FunctionVersion":"1"}]}`}},
		"/2015-03-31/functions/f/versions":    {{body: `{"Versions":[{"Version":"$LATEST"},{"Version":"1"}]}`}},
		"/2015-03-31/functions/f/policy":      {{404, "ResourceNotFoundException", `{"message":"The resource you requested does not exist."}`}},
	}
}

func read(t *testing.T, answers map[string][]answer) (*Dump, *scripted, error) {
	t.Helper()
	s := &scripted{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	config, requests, err := Place{Endpoint: server.URL}.config(context.Background(), noWait{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	t.Cleanup(closeIdle(config.HTTPClient))
	d, err := Read(context.Background(), FromConfig(config, requests), Options{})
	return d, s, err
}

func closeIdle(client any) func() {
	return func() {
		if c, ok := client.(*countingClient); ok {
			if idle, ok := c.client.(interface{ CloseIdleConnections() }); ok {
				idle.CloseIdleConnections()
			}
		}
	}
}

func TestRead(t *testing.T) {
	d, _, err := read(t, account())
	if err != nil {
		t.Fatal(err)
	}
	f := d.Functions[0]
	if d.Account != "111122223333" || len(d.RestAPIs) != 1 || *d.LogRole == "" || f.Configuration.Environment != nil || len(f.Versions) != 1 {
		t.Errorf("%+v %+v", d, f)
	}
	if _, ok := d.RestAPIs[0].Deployments["d1"]; !ok {
		t.Error("the list of deployed methods was not read")
	}
	for _, u := range d.Unread {
		if u.Code != "UnsupportedOperation" {
			t.Errorf("unread: %s", u)
		}
	}
}

// Beside exports the methods of a canary with a deployment of its own are read,
// and when the deployments were made: one call for all stages.
func TestReadDeploymentsBesideExports(t *testing.T) {
	answers := account()
	answers["/restapis/a1b2c3d4e5/stages"] = []answer{{body: `{"item":[{"stageName":"dev","deploymentId":"d1"},
		{"stageName":"prod","deploymentId":"d2","canarySettings":{"percentTraffic":10,"deploymentId":"d3"}},
		{"stageName":"test","deploymentId":"d2","canarySettings":{"percentTraffic":10,"deploymentId":"d2"}}]}`}}
	for _, stage := range []string{"dev", "prod", "test"} {
		answers["/restapis/a1b2c3d4e5/stages/"+stage+"/exports/oas30"] = []answer{{body: `{"openapi":"3.0.1"}`}}
	}
	answers["/restapis/a1b2c3d4e5/deployments"] = []answer{{body: `{"item":[{"id":"d1","createdDate":1790000000},{"id":"d2","createdDate":1790000001},{"id":"d9"}]}`}}
	answers["/restapis/a1b2c3d4e5/deployments/d3"] = []answer{{body: `{"id":"d3","apiSummary":{"/new":{"POST":{"authorizationType":"NONE"}}}}`}}
	d, s, err := read(t, answers)
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, path := range s.asked {
		if strings.Contains(path, "/deployments") {
			asked = append(asked, path)
		}
	}
	if want := []string{"/restapis/a1b2c3d4e5/deployments/d3", "/restapis/a1b2c3d4e5/deployments"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	known := d.RestAPIs[0].Deployments
	if len(known) != 3 || known["d1"].CreatedDate == nil || known["d2"].CreatedDate == nil || known["d3"].ApiSummary == nil {
		t.Errorf("%+v", known)
	}
}

// Throttled calls are repeated, and counted as one call and several requests.
func TestReadRepeatsThrottledCalls(t *testing.T) {
	answers := account()
	throttled := answer{429, "TooManyRequestsException", `{"message":"Too Many Requests"}`}
	answers["/restapis/a1b2c3d4e5/stages"] = append([]answer{throttled, throttled}, answers["/restapis/a1b2c3d4e5/stages"]...)
	d, _, err := read(t, answers)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.RestAPIs[0].Stages) != 1 || int(d.Requests) != d.Calls+2 {
		t.Errorf("%d stages, %d calls, %d requests", len(d.RestAPIs[0].Stages), d.Calls, d.Requests)
	}
}

// What is refused is marked and does not keep the rest from being read.
func TestReadMarksWhatIsRefused(t *testing.T) {
	answers := account()
	denied := []answer{{403, "AccessDeniedException", `{"message":"no identity-based policy allows it"}`}}
	answers["/2015-03-31/functions/f/policy"] = denied
	answers["/restapis/a1b2c3d4e5/stages"] = denied
	d, _, err := read(t, answers)
	if err != nil {
		t.Fatal(err)
	}
	if d.RestAPIs[0].Unread["stages"] == "" || len(d.RestAPIs[0].Resources) != 1 || d.Functions[0].Unread["live"] == "" || d.Functions[0].Unread[""] == "" {
		t.Errorf("%+v %+v", d.RestAPIs[0].Unread, d.Functions[0].Unread)
	}
}

func TestReadFailsWithoutAPIs(t *testing.T) {
	answers := account()
	answers["/restapis"] = []answer{{403, "AccessDeniedException", `{"message":"no"}`}}
	if _, _, err := read(t, answers); err == nil || !strings.Contains(err.Error(), "doctor --help") {
		t.Errorf("error %v", err)
	}
}

func TestReadFailsWhereNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	config, requests, err := Place{Endpoint: server.URL}.Config(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Read(context.Background(), FromConfig(config, requests), Options{})
	if !errors.Is(err, syscall.ECONNREFUSED) || requests() != 1 {
		t.Errorf("error %v after %d requests, want the refused connection after one", err, requests())
	}
}
