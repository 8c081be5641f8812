package doctor_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/doctor"
)

// request is a call of the data plane.
type request struct{ api, stage, verb, path string }

// cause is one row of docs/causes.md that a running stagedoor can show: build
// makes it, the request meets it.
type cause struct {
	name  string
	code  string
	build func(w *world) request
}

// usual builds the API "GET /hello → name" on stage prod, with a statement on
// the function whose SourceArn ends in what grant makes of the API's id.
func usual(name string, grant func(api string) string) func(w *world) request {
	return func(w *world) request {
		w.function(name)
		id := w.api(name, route{verb: "GET", path: "/hello", function: name})
		w.stage(id, "prod")
		w.grant(name, "given", grant(id))
		return request{id, "prod", "GET", "/hello"}
	}
}

// after is a SourceArn that ends like this behind the API.
func after(rest string) func(api string) string {
	return func(api string) string { return source(api, rest) }
}

const gatewayTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// withRole builds a method whose integration has a role.
func withRole(name, trust, policy string) func(w *world) request {
	return func(w *world) request {
		w.function(name)
		role := w.newRole(name, trust)
		if policy != "" {
			_, err := w.iam.PutRolePolicy(context.Background(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("p"), PolicyDocument: &policy})
			must(w.t, err)
		}
		id := w.api(name, route{verb: "GET", path: "/hello", function: name, credentials: role})
		w.stage(id, "prod")
		return request{id, "prod", "GET", "/hello"}
	}
}

func invokePolicy(resource string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"` + resource + `"}]}`
}

func liveCauses() []cause {
	return append(append(grantCauses(), arnCauses()...), otherCauses()...)
}

func grantCauses() []cause {
	return []cause{
		{"01 no statement at all", "SD001", func(w *world) request {
			w.function("c01")
			id := w.api("c01", route{verb: "GET", path: "/hello", function: "c01"})
			w.stage(id, "prod")
			return request{id, "prod", "GET", "/hello"}
		}},
		{"02 stage variable in the name, nothing granted", "SD002", func(w *world) request {
			w.function("c02-dev", "c02-prod")
			id := w.api("c02", route{verb: "GET", path: "/hello", function: "c02-${stageVariables.env}"})
			w.stage(id, "dev", "env=dev")
			w.stage(id, "prod", "env=prod")
			return request{id, "dev", "GET", "/hello"}
		}},
		{"03 only some stages' functions granted", "SD003", func(w *world) request {
			w.function("c03-dev", "c03-prod")
			id := w.api("c03", route{verb: "GET", path: "/hello", function: "c03-${stageVariables.env}"})
			w.stage(id, "dev", "env=dev")
			w.stage(id, "prod", "env=prod")
			w.grant("c03-dev", "given", source(id, "/*/GET/hello"))
			return request{id, "prod", "GET", "/hello"}
		}},
		{"04 alias in the URI, statement on the bare function", "SD004", func(w *world) request {
			w.function("c04")
			w.published("c04", "live")
			id := w.api("c04", route{verb: "GET", path: "/hello", function: "c04:live"})
			w.stage(id, "prod")
			w.grant("c04", "given", source(id, "/*/GET/hello"))
			return request{id, "prod", "GET", "/hello"}
		}},
		{"05 statement on the alias, integration calls the bare function", "SD005", func(w *world) request {
			w.function("c05")
			w.published("c05", "live")
			id := w.api("c05", route{verb: "GET", path: "/hello", function: "c05"})
			w.stage(id, "prod")
			w.grant("c05:live", "given", source(id, "/*/GET/hello"))
			return request{id, "prod", "GET", "/hello"}
		}},
		{"28 the statement id is taken", "SD028", func(w *world) request {
			w.function("c28")
			id := w.api("c28", route{verb: "GET", path: "/hello", function: "c28"})
			w.stage(id, "prod")
			w.grant("c28", "apigateway-"+id+"-GET-hello", source("abcdefghij", "/*/GET/hello"))
			return request{id, "prod", "GET", "/hello"}
		}},
		{"29 function made anew", "SD029", func(w *world) request {
			r := usual("c29", after("/*/GET/hello"))(w)
			_, err := w.lambda.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: aws.String("c29")})
			must(w.t, err)
			w.function("c29")
			w.deployedEarlier = time.Hour
			return r
		}},
		{"32 statement on an older version", "SD032", func(w *world) request {
			w.function("c32")
			first := w.published("c32", "")
			_, err := w.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("c32"), Description: aws.String("two")})
			must(w.t, err)
			must(w.t, lambda.NewFunctionUpdatedV2Waiter(w.lambda, func(o *lambda.FunctionUpdatedV2WaiterOptions) {
				o.MinDelay, o.MaxDelay = 5*time.Millisecond, 20*time.Millisecond
			}).Wait(context.Background(), &lambda.GetFunctionInput{FunctionName: aws.String("c32")}, 10*time.Second))
			second := w.published("c32", "")
			id := w.api("c32", route{verb: "GET", path: "/hello", function: "c32:" + second})
			w.stage(id, "prod")
			w.grant("c32:"+first, "given", source(id, "/*/GET/hello"))
			return request{id, "prod", "GET", "/hello"}
		}},
		{"33 $LATEST in the URI", "SD033", func(w *world) request {
			w.function("c33")
			id := w.api("c33", route{verb: "GET", path: "/hello", function: "c33:$LATEST"})
			w.stage(id, "prod")
			return request{id, "prod", "GET", "/hello"}
		}},
		{"36 SourceAccount of another account", "SD036", func(w *world) request {
			w.function("c36")
			id := w.api("c36", route{verb: "GET", path: "/hello", function: "c36"})
			w.stage(id, "prod")
			w.permit("c36", &lambda.AddPermissionInput{
				StatementId: aws.String("given"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("apigateway.amazonaws.com"),
				SourceArn: aws.String(source(id, "/*/GET/hello")), SourceAccount: aws.String("111122223333"),
			})
			return request{id, "prod", "GET", "/hello"}
		}},
		{"36 another service", "SD036", func(w *world) request {
			w.function("c36b")
			id := w.api("c36b", route{verb: "GET", path: "/hello", function: "c36b"})
			w.stage(id, "prod")
			w.permit("c36b", &lambda.AddPermissionInput{
				StatementId: aws.String("given"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("events.amazonaws.com"),
				SourceArn: aws.String(source(id, "/*/GET/hello")),
			})
			return request{id, "prod", "GET", "/hello"}
		}},
	}
}

func arnCauses() []cause {
	any := func(name string, grant string) func(w *world) request {
		return func(w *world) request {
			w.function(name)
			id := w.api(name, route{verb: "ANY", path: "/hello", function: name})
			w.stage(id, "prod")
			w.grant(name, "given", source(id, grant))
			return request{id, "prod", "GET", "/hello"}
		}
	}
	at := func(name, path, url, grant string) func(w *world) request {
		return func(w *world) request {
			w.function(name)
			id := w.api(name, route{verb: "GET", path: path, function: name})
			w.stage(id, "prod")
			w.grant(name, "given", source(id, grant))
			return request{id, "prod", "GET", url}
		}
	}
	return []cause{
		{"06 a verb is granted, the method is ANY", "SD006", any("c06", "/*/GET/hello")},
		{"07 ANY is granted, the method is GET", "SD007", usual("c07", after("/*/ANY/hello"))},
		{"07 the verb in lower case", "SD007", usual("c07b", after("/*/get/hello"))},
		{"08 logical id in place of the API's id", "SD008", usual("c08", func(string) string { return source("CustomAPI", "/*/GET/hello") })},
		{"09 a sample path", "SD009", at("c09", "/users/{id}", "/users/42", "/*/GET/users/42")},
		{"09 another name of the parameter", "SD009", at("c09b", "/users/{id}", "/users/42", "/*/GET/users/{user}")},
		{"10 only the end of the path", "SD010", at("c10", "/v1/users/list", "/v1/users/list", "/*/GET/list")},
		{"11 root without its slash", "SD011", at("c11", "/", "/", "/*/GET")},
		{"12 a stage that there is not", "SD012", usual("c12", after("/Stage/GET/hello"))},
		{"14 granted for another stage", "SD014", func(w *world) request {
			w.function("c14")
			id := w.api("c14", route{verb: "GET", path: "/hello", function: "c14"})
			w.stage(id, "blue")
			w.stage(id, "green")
			w.grant("c14", "given", source(id, "/blue/GET/hello"))
			return request{id, "green", "GET", "/hello"}
		}},
		{"15 one segment too many", "SD015", usual("c15", after("/prod/*/GET/hello"))},
		{"16 ends at the API's id", "SD016", usual("c16", after(""))},
		{"17 no account", "SD017", usual("c17", func(api string) string { return "arn:aws:execute-api:" + testRegion + "::" + api + "/*/*" })},
		{"17 another account", "SD017", usual("c17b", func(api string) string { return "arn:aws:execute-api:" + testRegion + ":111122223333:" + api + "/*/*" })},
		{"30 another API's id", "SD030", usual("c30", func(string) string { return source("abcdefghij", "/*/GET/hello") })},
		{"35 another region", "SD035", usual("c35", func(api string) string {
			return "arn:aws:execute-api:eu-west-1:" + testAccount + ":" + api + "/*/GET/hello"
		})},
	}
}

func otherCauses() []cause {
	return []cause{
		{"23 the role does not trust API Gateway", "SD023", withRole("c23", strings.Replace(gatewayTrust, "apigateway", "lambda", 1), invokePolicy(functionARN("c23")))},
		{"24 the role may not invoke", "SD024", withRole("c24", gatewayTrust, "")},
		{"24 the role may invoke the bare function only", "SD024", func(w *world) request {
			w.function("c24b")
			w.published("c24b", "live")
			role := w.newRole("c24b", gatewayTrust)
			_, err := w.iam.PutRolePolicy(context.Background(), &iam.PutRolePolicyInput{RoleName: aws.String("c24b"), PolicyName: aws.String("p"), PolicyDocument: aws.String(invokePolicy(functionARN("c24b")))})
			must(w.t, err)
			id := w.api("c24b", route{verb: "GET", path: "/hello", function: "c24b:live", credentials: role})
			w.stage(id, "prod")
			return request{id, "prod", "GET", "/hello"}
		}},
		{"37 httpMethod GET", "SD037", func(w *world) request {
			w.function("c37")
			id := w.api("c37", route{verb: "GET", path: "/hello", function: "c37", httpMethod: "GET"})
			w.stage(id, "prod")
			w.grant("c37", "given", source(id, "/*/GET/hello"))
			return request{id, "prod", "GET", "/hello"}
		}},
		{"39 undefined stage variable", "SD039", func(w *world) request {
			w.function("c39-prod")
			id := w.api("c39", route{verb: "GET", path: "/hello", function: "c39-${stageVariables.env}"})
			w.stage(id, "prod")
			return request{id, "prod", "GET", "/hello"}
		}},
		{"51 the trust policy demands aws:SourceAccount", "SD051", withRole("c51",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"`+testAccount+`"}}}]}`,
			invokePolicy(functionARN("c51")))},
		{"there is no such function", "SD101", func(w *world) request {
			id := w.api("c101", route{verb: "GET", path: "/hello", function: "c101"})
			w.stage(id, "prod")
			return request{id, "prod", "GET", "/hello"}
		}},
		{"there is no such alias", "SD102", func(w *world) request {
			w.function("c102")
			id := w.api("c102", route{verb: "GET", path: "/hello", function: "c102:live"})
			w.stage(id, "prod")
			return request{id, "prod", "GET", "/hello"}
		}},
		{"another verb", "SD106", usual("c106", after("/*/POST/hello"))},
	}
}

// TestCauses builds each cause on a running stagedoor, sees the call fail, sees
// doctor name the cause, runs the printed fix as it stands, and sees the call
// pass and the finding gone.
func TestCauses(t *testing.T) {
	needsPython(t)
	t.Parallel()
	all := newWorld(t)
	for _, c := range liveCauses() {
		t.Run(c.name, func(t *testing.T) {
			w := all.in(t)
			r := c.build(w)
			if got := w.call(r.api, r.stage, r.verb, r.path); got != http.StatusInternalServerError {
				t.Fatalf("before the fix: status %d, want 500", got)
			}
			found := of(w.examine(), r.api)
			f := withCode(found, c.code)
			if f == nil {
				t.Fatalf("no %s:\n%s", c.code, describe(found))
			}
			if f.Level != doctor.Error {
				t.Errorf("level %s, want error", f.Level)
			}
			if c.code == "SD101" { // nobody can make up a function
				return
			}
			w.run(f.Fix)
			if got := w.call(r.api, r.stage, r.verb, r.path); got != http.StatusOK {
				t.Errorf("after the fix: status %d, want 200\n%s", got, describe(found))
			}
			if found := of(w.examine(), r.api); withCode(found, c.code) != nil {
				t.Errorf("still there:\n%s", describe(found))
			}
		})
	}
}

func needsPython(t testing.TB) {
	if _, err := exec.LookPath("python3"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3 is missing, and in CI this test must run")
		}
		t.Skip("python3 runs the functions of this test and is not here")
	}
}

// run runs printed commands as they stand.
func (w *world) run(commands []string) {
	w.t.Helper()
	if len(commands) == 0 {
		w.t.Fatal("no fix was printed")
	}
	for _, line := range commands {
		must(w.t, doctor.Run(context.Background(), w.changes, line))
	}
}

// The plan mends everything on one server at once.
func TestPlanMendsEverything(t *testing.T) {
	needsPython(t)
	t.Parallel()
	w := newWorld(t)
	var requests []request
	for _, c := range liveCauses() {
		if c.code != "SD101" {
			requests = append(requests, c.build(w))
		}
	}
	w.run(w.examine().Plan(false))
	for i, r := range requests {
		if i%6 > 0 {
			continue // each starts a function, and TestTruth compares verdicts with answers
		}
		if got := w.call(r.api, r.stage, r.verb, r.path); got != http.StatusOK {
			t.Errorf("%v: status %d", r, got)
		}
	}
	report := w.examine()
	for _, f := range report.Findings {
		if f.Level == doctor.Error {
			t.Errorf("left: %s", describe([]doctor.Finding{f}))
		}
	}
}
