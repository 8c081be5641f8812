package iam

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Trust in identity providers: what IAM checks of a trust policy with a
// Federated principal.

// domainName is what names a provider that is built into AWS, or Cognito.
var domainName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)
})

// federatedPrincipal reports whether a Federated principal has a form that IAM
// takes. That the provider exists is not asked for.
func federatedPrincipal(id string) bool {
	if id == "*" || domainName().MatchString(id) {
		return true
	}
	parts := strings.SplitN(id, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[2] != "iam" || !accountPattern.MatchString(parts[4]) {
		return false
	}
	kind, name, _ := strings.Cut(parts[5], "/")
	return (kind == "oidc-provider" || kind == "saml-provider") && name != ""
}

// checkFederated judges a statement that trusts identity providers.
func checkFederated(st statement) error {
	var principals struct{ Federated json.RawMessage }
	if json.Unmarshal(st["Principal"], &principals) != nil || len(principals.Federated) == 0 {
		return nil
	}
	ids := texts(principals.Federated)
	for _, id := range ids {
		if !federatedPrincipal(id) { // terraform-aws-modules/terraform-aws-iam#202
			return malformed("Federated principals must be valid domain names or SAML metadata ARNs")
		}
	}
	var conditions map[string]map[string]json.RawMessage
	if len(st["Condition"]) > 0 && json.Unmarshal(st["Condition"], &conditions) != nil {
		return nil // the policy language says what is wrong
	}
	for _, keys := range conditions {
		for key := range keys {
			if strings.Contains(key, "://") { // terraform-aws-modules/terraform-aws-eks#1084: the provider's URL for its name
				return malformed("Condition can contain only one colon.")
			}
		}
	}
	webIdentity := slices.ContainsFunc(texts(st["Action"]), func(a string) bool {
		return strings.EqualFold(a, "sts:AssumeRoleWithWebIdentity")
	})
	if string(st["Effect"]) != `"Allow"` || !webIdentity {
		return nil
	}
	for _, id := range ids {
		if id == "cognito-identity.amazonaws.com" && !controlled(conditions, []string{id + ":aud"}) {
			return malformed("A condition block must be present for the Cognito provider") // what the template of awslabs/amazon-kinesis-data-generator met
		}
		_, name, _ := strings.Cut(id, ":oidc-provider/")
		if required := sharedControls(name); len(required) > 0 && !controlled(conditions, required) {
			// unverified: AWS's text
			return malformed("The trust policy must evaluate " + strings.Join(required, " or ") + ", because the identity provider is shared by many customers.")
		}
	}
	return nil
}

// sharedControls are the condition keys of which a trust policy must evaluate
// one, for providers that serve many customers of AWS: who trusts them without
// it trusts all of those (IAM User Guide, "Identity-provider controls for shared
// OIDC providers").
//
// unverified: that job_workflow_ref does for GitHub
func sharedControls(provider string) []string {
	switch provider {
	case "token.actions.githubusercontent.com":
		return []string{provider + ":sub", provider + ":job_workflow_ref"}
	case "vstoken.actions.githubusercontent.com", "oidc-configuration.audit-log.githubusercontent.com", "gitlab.com",
		"app.terraform.io", "agent.buildkite.com", "oidc.codefresh.io", "studio.datachain.ai/api", "scalr.io",
		"tokens.cloud.shisho.dev", "proidc.upbound.io":
		return []string{provider + ":sub"}
	case "oidc.vercel.com", "api.pulumi.com/oidc", "sandboxes.cloud":
		return []string{provider + ":aud"}
	case "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d": // Microsoft Sentinel
		return []string{"sts:RoleSessionName"}
	}
	return nil
}

// controlled reports whether a condition asks for one of the keys, and takes
// not just anything.
func controlled(conditions map[string]map[string]json.RawMessage, required []string) bool {
	for operator, keys := range conditions {
		operator = strings.ToLower(operator)
		if !strings.Contains(operator, "string") || strings.Contains(operator, "not") {
			continue // a denial of some value limits nothing
		}
		for key, values := range keys {
			asked := slices.ContainsFunc(required, func(r string) bool { return strings.EqualFold(r, key) })
			anything := slices.ContainsFunc(texts(values), func(v string) bool { return strings.Trim(v, "*?") == "" })
			if asked && !anything {
				return true
			}
		}
	}
	return false
}
