package grants

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// shellWords lets a real shell take a printed command apart.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `print() { for word in "$@"; do printf '%s\0' "$word"; done; }; print `+line).CombinedOutput()
	if err != nil {
		t.Fatalf("a shell cannot read %s: %v\n%s", line, err, out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// runFix does what the aws CLI and the services do with a printed command, on
// the records.
func runFix(t *testing.T, s *store.Store, line string) {
	t.Helper()
	words := shellWords(t, line)
	if len(words) < 3 || words[0] != "aws" || len(words)%2 == 0 {
		t.Fatalf("%q is no aws command with options", line)
	}
	options := map[string]string{}
	for i := 3; i < len(words); i += 2 {
		name, ok := strings.CutPrefix(words[i], "--")
		if !ok {
			t.Fatalf("%q: %q is no option", line, words[i])
		}
		options[name] = words[i+1]
	}
	switch words[1] + " " + words[2] {
	case "lambda add-permission":
		changeFunction(t, s, options, addPermission(t, options))
	case "lambda remove-permission":
		changeFunction(t, s, options, removePermission(t, options))
	case "lambda create-alias":
		changeFunction(t, s, options, func(f *state.Function) {
			f.Aliases[options["name"]] = &state.Alias{Name: options["name"], FunctionVersion: options["function-version"]}
		})
	case "iam update-assume-role-policy":
		changeRole(t, s, options, func(r *state.Role) { r.AssumeRolePolicyDocument = options["policy-document"] })
	case "iam put-role-policy":
		changeRole(t, s, options, func(r *state.Role) {
			if r.InlinePolicies == nil {
				r.InlinePolicies = map[string]string{}
			}
			r.InlinePolicies[options["policy-name"]] = options["policy-document"]
		})
	case "iam create-role":
		putRole(t, s, &state.Role{Identity: identity(options["role-name"]), AssumeRolePolicyDocument: options["assume-role-policy-document"]})
	default:
		t.Fatalf("unknown command %q", line)
	}
}

func changeFunction(t *testing.T, s *store.Store, options map[string]string, change func(*state.Function)) {
	t.Helper()
	account, name := testAccount, options["function-name"]
	if parts := strings.Split(name, ":"); len(parts) == 7 {
		account, name = parts[4], parts[6]
	}
	key := state.FunctionKey(account, options["region"], name)
	_, err := store.Update(context.Background(), s, key, func(f *state.Function) error { change(f); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// addPermission follows aws-facts part 2: one policy per qualifier, a Sid only
// once, ArnLike on AWS:SourceArn, at most 20,480 bytes.
func addPermission(t *testing.T, o map[string]string) func(*state.Function) {
	return func(f *state.Function) {
		var doc struct {
			Version   string
			ID        string `json:"Id"`
			Statement []map[string]any
		}
		doc.Version, doc.ID = "2012-10-17", "default"
		if p := f.Policies[o["qualifier"]]; p != nil {
			if err := json.Unmarshal([]byte(p.Document), &doc); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range doc.Statement {
			if s["Sid"] == o["statement-id"] {
				t.Fatalf("The statement id (%s) provided already exists.", o["statement-id"])
			}
		}
		if strings.Trim(o["statement-id"], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" || len(o["statement-id"]) > 100 {
			t.Fatalf("statement id %q does not match ([a-zA-Z0-9-_]+)", o["statement-id"])
		}
		resource := functionARN(f)
		if o["qualifier"] != "" {
			resource += ":" + o["qualifier"]
		}
		principal := map[string]string{"Service": o["principal"]}
		if strings.HasPrefix(o["principal"], "arn:") {
			principal = map[string]string{"AWS": o["principal"]}
		}
		statement := map[string]any{"Sid": o["statement-id"], "Effect": "Allow", "Principal": principal, "Action": o["action"], "Resource": resource}
		if o["source-arn"] != "" {
			statement["Condition"] = map[string]any{"ArnLike": map[string]string{"AWS:SourceArn": o["source-arn"]}}
		}
		doc.Statement = append(doc.Statement, statement)
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > policyLimit {
			t.Fatalf("The final policy size (%d) is bigger than the limit (20480).", len(data))
		}
		if f.Policies == nil {
			f.Policies = map[string]*state.FunctionPolicy{}
		}
		f.Policies[o["qualifier"]] = &state.FunctionPolicy{Document: string(data), RevisionID: "rev-2"}
	}
}

func removePermission(t *testing.T, o map[string]string) func(*state.Function) {
	return func(f *state.Function) {
		p := f.Policies[o["qualifier"]]
		var doc map[string]any
		if err := json.Unmarshal([]byte(p.Document), &doc); err != nil {
			t.Fatal(err)
		}
		var kept []any
		for _, s := range doc["Statement"].([]any) {
			if s.(map[string]any)["Sid"] != o["statement-id"] {
				kept = append(kept, s)
			}
		}
		if len(kept) == 0 {
			delete(f.Policies, o["qualifier"])
			return
		}
		doc["Statement"] = kept
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		p.Document = string(data)
	}
}

func identity(name string) state.Identity {
	return state.Identity{Account: testAccount, Path: "/", Name: name, ID: "AROAEXAMPLEEXAMPLE00", ARN: "arn:aws:iam::" + testAccount + ":role/" + name}
}

func putRole(t testing.TB, s *store.Store, r *state.Role) {
	t.Helper()
	if _, err := store.Put(context.Background(), s, state.RoleKey(r.Account, strings.ToLower(r.Name)), r); err != nil {
		t.Fatal(err)
	}
}

func changeRole(t *testing.T, s *store.Store, options map[string]string, change func(*state.Role)) {
	t.Helper()
	key := state.RoleKey(testAccount, strings.ToLower(options["role-name"]))
	if _, err := store.Update(context.Background(), s, key, func(r *state.Role) error { change(r); return nil }); err != nil {
		t.Fatal(err)
	}
}

// managed stores a customer-managed policy.
func managed(t *testing.T, s *store.Store, name, document string) {
	t.Helper()
	arn := "arn:aws:iam::" + testAccount + ":policy/" + name
	p := &state.ManagedPolicy{Account: testAccount, Name: name, ARN: arn, DefaultVersion: "v1", Versions: map[string]*state.PolicyVersion{"v1": {Document: document}}}
	if _, err := store.Put(context.Background(), s, state.ManagedPolicyKey(testAccount, arn), p); err != nil {
		t.Fatal(err)
	}
}
