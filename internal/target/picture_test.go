package target

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

const (
	fARN    = "arn:aws:lambda:us-east-1:111122223333:function:f"
	goneARN = "arn:aws:lambda:us-east-1:111122223333:function:gone"
)

// oneAPI is an account with an API of three stages and an alias with a weight.
func oneAPI() map[string][]answer {
	answers := account()
	maps.Copy(answers, map[string][]answer{
		"/restapis/a1b2c3d4e5": {{body: `{"id":"a1b2c3d4e5","name":"shop"}`}},
		"/restapis":            {{body: `{"item":[{"id":"a1b2c3d4e5","name":"shop"},{"id":"b1b2c3d4e5","name":"twice"},{"id":"c1b2c3d4e5","name":"twice"}]}`}},
		"/restapis/a1b2c3d4e5/stages": {{body: `{"item":[{"stageName":"prod","deploymentId":"d1"},{"stageName":"dev","deploymentId":"d1"},
			{"stageName":"beta","deploymentId":"d2","canarySettings":{"percentTraffic":10,"deploymentId":"d3"}}]}`}},
		"/restapis/a1b2c3d4e5/stages/prod/exports/oas30": {{body: `{"openapi":"3.0.1"}`}},
		"/restapis/a1b2c3d4e5/stages/dev/exports/oas30":  {{body: `{"openapi":"3.0.1"}`}},
		"/restapis/a1b2c3d4e5/stages/beta/exports/oas30": {{body: `{"openapi":"3.0.1"}`}},
		"/restapis/a1b2c3d4e5/deployments/d3":            {{body: `{"id":"d3","apiSummary":{}}`}},
		"/2015-03-31/functions/f/aliases":                {{body: `{"Aliases":[{"Name":"live","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":0.1}}}]}`}},
		"/2015-03-31/functions/f/configuration":          {{body: `{"FunctionName":"f","Version":"1","CodeSha256":"x","Environment":{"Variables":{"SECRET":"x"}}}`}},
		"/2015-03-31/functions/gone/aliases":             {{404, "ResourceNotFoundException", `{"message":"Function not found"}`}},
	})
	return answers
}

func readAPI(t *testing.T, answers map[string][]answer, api string, o APIOptions) (*Picture, *scripted, error) {
	t.Helper()
	s := &scripted{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	config, requests, err := Place{Endpoint: server.URL}.Config(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	t.Cleanup(closeIdle(config.HTTPClient))
	p, err := ReadAPI(context.Background(), FromConfig(config, requests), api, o)
	return p, s, err
}

func wants(functions map[string][]string) func(*Dump) Wanted {
	return func(*Dump) Wanted { return Wanted{Functions: functions} }
}

// Two stages are read closely, the third is there by name; of the alias both
// versions. The calls are counted: six and one for each stage, two for each
// function and two for each qualifier, one for a further version.
func TestReadAPI(t *testing.T) {
	p, s, err := readAPI(t, oneAPI(), "shop", APIOptions{
		Stages: []string{"dev", "beta"}, Wanted: wants(map[string][]string{fARN: {"live", "live"}, goneARN: {""}})})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.Stages, []string{"beta", "dev", "prod"}) || !slices.Equal(p.Read, []string{"beta", "dev"}) {
		t.Errorf("stages %v, read %v", p.Stages, p.Read)
	}
	live, gone := p.Called[fARN+":live"], p.Called[goneARN]
	if live == nil || live.Alias == nil || live.Configuration.Environment.Variables["SECRET"] != "x" || live.Weighted["2"] == nil || live.Qualified() != fARN+":live" {
		t.Errorf("%+v", live)
	}
	if gone == nil || !gone.Missing || gone.Configuration != nil {
		t.Errorf("%+v", gone)
	}
	if len(p.Dump.Functions) != 1 || p.Dump.Functions[0].Configuration.Environment != nil {
		t.Errorf("functions of the dump: %+v", p.Dump.Functions)
	}
	if len(p.Dump.Unread) != 0 {
		t.Errorf("unread: %v", p.Dump.Unread)
	}
	if _, ok := p.API.Deployments["d3"]; !ok || len(p.API.Exports) != 2 {
		t.Errorf("deployments %v, exports of %v", p.API.Deployments, slices.Collect(maps.Keys(p.API.Exports)))
	}
	// Identity, list, stages, resources, two exports, a canary; of f aliases,
	// two policies, two configurations; of gone the aliases.
	if p.Dump.Calls != 13 || len(s.asked) != 13 {
		t.Errorf("%d calls counted, %d made: %q", p.Dump.Calls, len(s.asked), s.asked)
	}
}

func TestReadAPIUnknown(t *testing.T) {
	for _, c := range []struct {
		api    string
		stages []string
		want   string
	}{
		{"twice", nil, `2 APIs are called "twice" in account 111122223333 in us-east-1: say which one by its id: b1b2c3d4e5, c1b2c3d4e5`},
		{"a1b2c3d4e5", []string{"x"}, `there is no stage "x" in API shop (a1b2c3d4e5); there are: beta, dev, prod`},
		{"nothing", nil, `there is no API "nothing" in account 111122223333 in us-east-1; there are: shop (a1b2c3d4e5), twice (b1b2c3d4e5), twice (c1b2c3d4e5)`},
	} {
		_, _, err := readAPI(t, oneAPI(), c.api, APIOptions{Stages: c.stages})
		var unknown *Unknown
		if !errors.As(err, &unknown) || err.Error() != c.want {
			t.Errorf("%s: %v", c.api, err)
		}
	}
	u := &Unknown{What: "stage", Name: "x", Where: "API shop", There: make([]string, 1000)}
	if !strings.HasSuffix(u.Error(), "and 980 more") {
		t.Error(u)
	}
}

// Where listing aliases is refused, the function is known all the same; a
// function in another region is asked there, and only what is called of it.
func TestReadAPIOfFunctions(t *testing.T) {
	answers := oneAPI()
	denied := []answer{{403, "AccessDeniedException", `{"message":"no"}`}}
	answers["/2015-03-31/functions/f/aliases"] = denied
	far := "arn:aws:lambda:eu-west-1:111122223333:function:far"
	answers["/2015-03-31/functions/"+far+"/configuration"] = []answer{{body: `{"FunctionName":"far","Version":"$LATEST"}`}}
	answers["/2015-03-31/functions/"+far+"/policy"] = denied
	p, s, err := readAPI(t, answers, "shop", APIOptions{Stages: []string{"dev"}, Wanted: wants(map[string][]string{fARN: {""}, far: {""}, "nonsense": {""}})})
	if err != nil {
		t.Fatal(err)
	}
	if p.Called[fARN].Configuration == nil || p.Called[far].Configuration == nil || len(p.Dump.Unread) != 2 {
		t.Errorf("%+v %v", p.Called, p.Dump.Unread)
	}
	f := p.Dump.Functions
	if len(f) != 2 || !f[0].Foreign || f[0].Unread[""] == "" || f[1].Unread["aliases"] == "" {
		t.Errorf("%+v %q", f, s.asked)
	}
	// A function that is gone, though its aliases may not be listed.
	answers["/2015-03-31/functions/f/configuration"] = []answer{{404, "ResourceNotFoundException", `{"message":"Function not found"}`}}
	if p, _, err = readAPI(t, answers, "shop", APIOptions{Stages: []string{"dev"}, Wanted: wants(map[string][]string{fARN: {""}})}); err != nil || !p.Called[fARN].Missing || len(p.Dump.Functions) != 0 {
		t.Errorf("%v %+v", err, p.Called[fARN])
	}
}

// Refused exports are told, and the lists of deployed methods read instead.
func TestReadAPIWithoutExports(t *testing.T) {
	answers := oneAPI()
	denied := []answer{{403, "AccessDeniedException", `{"message":"no"}`}}
	answers["/restapis/a1b2c3d4e5/stages/dev/exports/oas30"] = denied
	p, _, err := readAPI(t, answers, "a1b2c3d4e5", APIOptions{Stages: []string{"dev"}})
	if err != nil || len(p.Dump.Unread) != 1 || p.API.Deployments["d1"].ApiSummary == nil {
		t.Errorf("%v %+v", err, p)
	}
	for path, want := range map[string]string{
		"/restapis/a1b2c3d4e5/stages": "does not list the stages of API a1b2c3d4e5",
		"/restapis/a1b2c3d4e5":        "apigateway:GET on it is needed",
		"/":                           "does not say which account this is",
	} {
		answers := oneAPI()
		answers[path] = denied
		if _, _, err := readAPI(t, answers, "a1b2c3d4e5", APIOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A dump knows one API of many, and says what it lacks.
func TestPictureOf(t *testing.T) {
	d, _, err := read(t, account())
	if err != nil {
		t.Fatal(err)
	}
	p, err := PictureOf(d, "shop", APIOptions{Stages: []string{"prod"}, Wanted: wants(map[string][]string{
		fARN: {"", "live", "7"}, goneARN: {""}})})
	if err != nil {
		t.Fatal(err)
	}
	bare, live, seven, gone := p.Called[fARN], p.Called[fARN+":live"], p.Called[fARN+":7"], p.Called[goneARN]
	if bare.Configuration == nil || !bare.NoEnvironment || live.Unread == "" || live.Alias == nil || !seven.Missing || !gone.Missing {
		t.Errorf("%+v %+v %+v %+v", bare, live, seven, gone)
	}
	if _, err := PictureOf(d, "other", APIOptions{}); err == nil || !strings.Contains(err.Error(), "only: shop (a1b2c3d4e5)") {
		t.Error(err)
	}
	if _, err := PictureOf(d, "shop", APIOptions{Stages: []string{"x"}}); err == nil || !strings.Contains(err.Error(), "only: prod") {
		t.Error(err)
	}
}
