package actions

import (
	"embed"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/stagedoor/stagedoor/awswire"
)

// Check is one permission that a call needs.
type Check struct {
	Action   string // "lambda:GetFunction"
	Resource string // what policies are asked about
	// Shown is the resource as AWS's refusal prints it, where that differs:
	// "policy path /" for ListPolicies, "role x" for GetRole.
	Shown string
	Keys  []Key
	// Current says that the condition keys apigateway:Resource/… count, which
	// come from the resource as it is now.
	Current bool
	// Refusal is AWS's whole sentence where it is not the usual one.
	Refusal string
}

// Key is a condition key with its values.
type Key struct {
	Name   string
	Values []string
}

// Entity is what the table needs to know of a user, group, role or instance
// profile that exists.
type Entity struct {
	ARN      string // with its path
	Boundary string // ARN of its permissions boundary
}

// Entities finds IAM entities by kind ("user", "role", "group",
// "instance-profile") and name, who an access key belongs to ("key"), and the
// role that a service has of its own ("linked").
type Entities func(account, kind, name string) (Entity, bool)

// For returns the permissions that a call needs, all of them. in is the SDK's
// input struct. known is false for an operation that no table has.
func For(service, operation string, in any, caller awswire.Caller, entities Entities) (checks []Check, known bool) {
	r, ok := tables()[service][operation]
	if !ok {
		return nil, false
	}
	if r.action == "none" {
		return nil, true
	}
	q := &question{service: service, operation: operation, rule: r, in: newInput(in), caller: caller, entities: entities}
	return q.checks(), true
}

// Known lists the operations of a service that the tables have.
func Known(service string) []string {
	var names []string
	for name := range tables()[service] {
		names = append(names, name)
	}
	return names
}

//go:embed table/*.txt
var tableFiles embed.FS

// rule is one line of a table.
type rule struct {
	action   string
	resource string
	words    []string
}

// tables are the rules by service and operation.
var tables = sync.OnceValue(func() map[string]map[string]rule {
	all := map[string]map[string]rule{}
	for _, service := range []string{"apigateway", "cloudwatch", "iam", "lambda", "logs", "sts"} {
		text, err := tableFiles.ReadFile("table/" + service + ".txt")
		if err != nil {
			panic(err)
		}
		all[service] = map[string]rule{}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) == 0 || fields[0] == "#" {
				continue
			}
			r, err := newRule(service, fields)
			if err != nil {
				panic(fmt.Sprintf("table/%s.txt: %s: %v", service, line, err))
			}
			all[service][fields[0]] = r
		}
	}
	return all
})

func newRule(service string, fields []string) (rule, error) {
	switch {
	case len(fields) == 2 && fields[1] == "none":
		return rule{action: "none"}, nil
	case len(fields) < 3:
		return rule{}, fmt.Errorf("want OPERATION ACTION RESOURCE")
	}
	r := rule{action: fields[1], resource: fields[2], words: fields[3:]}
	if r.action == "=" {
		r.action = fields[0]
	}
	r.action = service + ":" + r.action
	return r, nil
}

// question is one call whose permissions are looked for.
type question struct {
	service, operation string
	rule               rule
	in                 input
	caller             awswire.Caller
	entities           Entities
}

func (q *question) checks() []Check {
	resource, shown := q.resource(q.rule.resource)
	main := Check{Action: q.rule.action, Resource: resource, Shown: shown}
	var more []Check
	for _, word := range q.rule.words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "tags":
			main.Keys = append(main.Keys, tagKeys(q.in.tags("Tags"))...)
		case "untag":
			main.add("aws:TagKeys", q.in.values("TagKeys"))
		case "boundary":
			if e, found := q.entity(); found {
				main.add("iam:PermissionsBoundary", one(e.Boundary))
			}
		case "pass":
			more = append(more, q.pass(value, q.in.text)...)
		case "passname":
			more = append(more, q.pass(value, q.roleNamed)...)
		case "patch":
			more = append(more, q.pass(value, q.patched)...)
		case "also":
			more = append(more, q.also(main, value)...)
		case "current":
			main.Current = true
		case "tagged":
			more = append(more, q.tagged(value)...)
		case "onresource":
			action, field, _ := strings.Cut(value, ":")
			more = append(more, Check{Action: q.service + ":" + action, Resource: q.in.text(field)})
		case "tagresource":
			more = append(more, q.tagResource(main)...)
		case "rename":
			more = append(more, q.rename(main, value)...)
		default:
			main.add(name, q.keyValues(value))
		}
	}
	// What is passed along is asked about after the action itself.
	for i := range more {
		if more[i].Keys == nil {
			more[i].Keys = main.Keys
		}
		more[i].Current = main.Current && more[i].Resource == main.Resource
	}
	return append([]Check{main}, more...)
}

func (c *Check) add(name string, values []string) {
	if len(values) > 0 {
		c.Keys = append(c.Keys, Key{name, values})
	}
}

func (q *question) keyValues(field string) []string {
	if strings.HasPrefix(field, "@") {
		resource, _ := q.resource(field)
		return one(resource)
	}
	if strings.HasPrefix(field, "/") {
		return q.in.patches(field)
	}
	return q.in.values(field)
}

// one is the list of a value that is there.
func one(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// pass asks for iam:PassRole on a role that the request hands to a service (IAM
// user guide, "Grant a user permissions to pass a role to an AWS service").
// What is no role is left to the handler: arn:aws:iam::*:user/* passes the
// caller's own credentials, and stage variables are resolved later.
func (q *question) pass(word string, find func(field string) string) []Check {
	field, service, _ := strings.Cut(word, "@")
	role := find(field)
	if !strings.Contains(role, ":role/") || strings.Contains(role, "${") {
		return nil
	}
	keys := []Key{{"iam:PassedToService", one(service)}}
	if q.service == "lambda" {
		resource, _ := q.resource(q.rule.resource)
		keys = append(keys, Key{"iam:AssociatedResourceArn", one(resource)})
	}
	return []Check{{Action: "iam:PassRole", Resource: role, Keys: keys}}
}

func (q *question) roleNamed(field string) string {
	arn, _ := q.named("role", q.in.text(field))
	return arn
}

func (q *question) patched(path string) string { return q.in.patched(path) }

// also is another action on the same resource, which the request implies: its
// member is set, or a patch operation changes its path.
func (q *question) also(main Check, word string) []Check {
	action, field, _ := strings.Cut(word, ":")
	given := len(q.in.values(field)) > 0 || len(q.in.tags(field)) > 0
	if strings.HasPrefix(field, "/") {
		given = q.in.touches(field)
	}
	if !given {
		return nil
	}
	return []Check{{Action: q.service + ":" + action, Resource: main.Resource, Shown: main.Shown}}
}

// tagged: creating something of API Gateway with tags takes PUT on its tags. The
// id that there is none of yet is a "*", as AWS's refusal shows it
// ("apigateway:PUT on resource: arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3A
// apigateway%3Aus-east-1%3A%3A%2Frestapis%2F*": mattclay/aws-terminator#284).
// unverified: that a stage, whose name is known, is asked for by it.
func (q *question) tagged(path string) []Check {
	tags := q.in.tags("Tags")
	if len(tags) == 0 {
		return nil
	}
	arn, _ := q.resource(path)
	root, _ := q.resource("/tags/")
	return []Check{{
		Action: q.service + ":PUT", Keys: tagKeys(tags),
		Resource: root + strings.ReplaceAll(url.QueryEscape(arn), "%2A", "*"),
	}}
}

// tagResource: creating a log group with tags takes a second permission, whose
// refusal has a sentence of its own (awslabs/aws-well-architected-labs#747).
func (q *question) tagResource(main Check) []Check {
	if len(q.in.tags("Tags")) == 0 {
		return nil
	}
	return []Check{{
		Action: "logs:TagResource", Resource: strings.TrimSuffix(main.Resource, ":log-stream:"),
		Refusal: "User with accountId: " + q.caller.Account + " is not authorized to perform CreateLogGroup with Tags",
	}}
}

// rename: a new name or path takes the permission on both (IAM API reference,
// UpdateUser and UpdateGroup).
func (q *question) rename(main Check, kind string) []Check {
	newName, newPath := q.in.text("NewUserName"), q.in.text("NewPath")
	if kind == "group" {
		newName = q.in.text("NewGroupName")
	}
	if newName == "" && newPath == "" {
		return nil
	}
	at := strings.Index(main.Resource, ":"+kind+"/")
	if at < 0 {
		return nil
	}
	head, old := main.Resource[:at+len(kind)+1], main.Resource[at+len(kind)+1:]
	slash := strings.LastIndexByte(old, '/')
	if newPath == "" {
		newPath = old[:slash+1]
	}
	if newName == "" {
		newName = old[slash+1:]
	}
	return []Check{{Action: main.Action, Resource: head + newPath + newName}}
}
