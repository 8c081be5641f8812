package actions

import (
	"net/url"
	"strings"

	"github.com/stagedoor/stagedoor/internal/state"
)

// resource resolves the RESOURCE of a rule.
func (q *question) resource(template string) (resource, shown string) {
	switch {
	case template == "*":
		return "*", ""
	case strings.HasPrefix(template, "/"):
		return "arn:" + state.Partition(q.caller.Region) + ":apigateway:" + q.caller.Region + "::" + q.fill(template, url.QueryEscape), ""
	case strings.HasPrefix(template, "@"):
		name, argument, _ := strings.Cut(template[1:], ":")
		return q.special(name, argument)
	}
	resource = q.fill(template, func(s string) string { return s })
	if template == "{PolicyArn}" { // "iam:GetPolicy on resource: policy arn:aws:iam::…": public threads
		shown = "policy " + resource
	}
	return resource, shown
}

// fill replaces {Field}, {partition}, {region} and {account}.
func (q *question) fill(template string, escape func(string) string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		switch name {
		case "partition":
			b.WriteString(state.Partition(q.caller.Region))
		case "region":
			b.WriteString(q.caller.Region)
		case "account":
			b.WriteString(q.caller.Account)
		default:
			b.WriteString(escape(q.in.text(name)))
		}
		template = after
	}
}

// special resolves the resources that have rules of their own.
func (q *question) special(name, argument string) (resource, shown string) {
	switch name {
	case "function":
		return q.function(), ""
	case "layer":
		return q.layer(), ""
	case "layer-version":
		return q.layer() + ":" + q.in.text("VersionNumber"), ""
	case "group":
		// unverified: that the old tagging operations (TagLogGroup and its like)
		// end in ":log-stream:" too; those on ARNs do not.
		return q.logGroup() + ":log-stream:", ""
	case "stream":
		return q.logGroup() + ":log-stream:" + q.in.text("LogStreamName"), ""
	case "self":
		return q.caller.ARN, ""
	case "key-owner":
		if e, found := q.entities(q.caller.Account, "key", q.in.text(argument)); found {
			return e.ARN, ""
		}
		return "*", ""
	case "list":
		return q.listed(argument)
	case "oidc":
		// "iam:CreateOpenIDConnectProvider on resource: arn:aws:iam::…:oidc-provider/oidc.eks.…": antonputra/tutorials#196
		_, name, _ := strings.Cut(q.in.text(argument), "://")
		return "arn:" + state.Partition(q.caller.Region) + ":iam::" + q.caller.Account + ":oidc-provider/" + name, ""
	case "linked":
		return q.linkedRole(q.in.text(argument)), ""
	case "new":
		kind, field, _ := strings.Cut(argument, ":")
		path := q.in.text("Path")
		if path == "" {
			path = "/"
		}
		resource = q.iam(kind, path, q.in.text(field))
		if kind == "policy" { // elastic/apm-aws-lambda#526
			shown = "policy " + q.in.text(field)
		}
		return resource, shown
	}
	kind, field, _ := strings.Cut(argument, ":")
	return q.named(kind, q.in.text(field))
}

func (q *question) iam(kind, path, name string) string {
	return "arn:" + state.Partition(q.caller.Region) + ":iam::" + q.caller.Account + ":" + kind + path + name
}

// listed is what a list is asked for: a path.
func (q *question) listed(kind string) (resource, shown string) {
	path := q.in.text("PathPrefix")
	if path == "" {
		path = "/"
	}
	if kind == "policy" {
		shown = "policy path " + path
	}
	return q.iam(kind, path, ""), shown
}

// named is an IAM entity by its name: its ARN has its path. Without a name an
// operation on users is about the caller, user or not ("iam:GetUser on resource:
// arn:aws:sts::149510111645:assumed-role/…": public threads). AWS's refusals show kind and name only,
// whether it exists or not ("iam:GetUser on resource: user dev_user1",
// "iam:GetInstanceProfile on resource: instance profile ec2-instance-profile":
// public threads; vercel/vercel#786).
func (q *question) named(kind, name string) (resource, shown string) {
	if name == "" && kind == "user" {
		return q.caller.ARN, ""
	}
	shown = strings.ReplaceAll(kind, "-", " ") + " " + name
	if e, found := q.entities(q.caller.Account, kind, name); found {
		return e.ARN, shown
	}
	return q.iam(kind, "/", name), shown
}

// linkedRole is the role of a service, which AWS names ("…:role/aws-service-role/
// autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling").
func (q *question) linkedRole(service string) string {
	e, found := q.entities(q.caller.Account, "linked", service)
	if !found {
		return q.iam("role", "/aws-service-role/"+service+"/", "*")
	}
	if suffix := q.in.text("CustomSuffix"); suffix != "" {
		return e.ARN + "_" + suffix
	}
	return e.ARN
}

// entity is the existing entity that the rule's resource names.
func (q *question) entity() (Entity, bool) {
	parts := strings.Split(q.rule.resource, ":")
	if len(parts) != 3 || parts[0] != "@entity" {
		return Entity{}, false
	}
	return q.entities(q.caller.Account, parts[1], q.in.text(parts[2]))
}

// function is the ARN of a function as the request names it, with the version
// or alias if it names one: Lambda compares exactly that (LDG,
// access-control-identity-based: "by comparing the resource element in the IAM
// policy with both the FunctionName and Qualifier passed in API calls").
func (q *question) function() string {
	name, qualifier := q.in.text("FunctionName"), q.in.text("Qualifier")
	account, region := q.caller.Account, q.caller.Region
	if parts := strings.Split(name, ":"); strings.HasPrefix(name, "arn:") && len(parts) >= 7 {
		region, account = parts[3], parts[4]
		name = strings.Join(parts[6:], ":")
	} else if before, after, found := strings.Cut(name, "function:"); found {
		if owner := strings.TrimSuffix(before, ":"); owner != "" {
			account = owner
		}
		name = after
	}
	name, own, _ := strings.Cut(name, ":")
	if own != "" {
		qualifier = own
	}
	arn := "arn:" + state.Partition(q.caller.Region) + ":lambda:" + region + ":" + account + ":function:" + name
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return arn
}

func (q *question) layer() string {
	name := q.in.text("LayerName")
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return "arn:" + state.Partition(q.caller.Region) + ":lambda:" + q.caller.Region + ":" + q.caller.Account + ":layer:" + name
}

func (q *question) logGroup() string {
	name := q.in.text("LogGroupName")
	if id := q.in.text("LogGroupIdentifier"); name == "" && id != "" {
		name = id
	}
	if strings.HasPrefix(name, "arn:") {
		return strings.TrimSuffix(name, ":*")
	}
	return "arn:" + state.Partition(q.caller.Region) + ":logs:" + q.caller.Region + ":" + q.caller.Account + ":log-group:" + name
}
