package grants

import (
	"fmt"
	"strings"
)

// The causes of a refused client, beside those of every caller.
const (
	CauseUnsigned        = "caller-unsigned"         // AWS_IAM, and no signature
	CauseSignature       = "caller-signature"        // a signature that does not hold
	CauseUnknownKey      = "caller-unknown-key"      // an access key or token that nobody issued
	CauseExpired         = "caller-expired"          // temporary credentials that are over
	CauseNotDeployed     = "api-policy-not-deployed" // the resource policy was changed since the deployment
	CauseAPIPolicy       = "api-policy"              // the resource policy does not allow
	CauseAPIPolicyDeny   = "api-policy-deny"         // the resource policy denies
	CauseAPIPolicyAuth   = "api-policy-needs-iam"    // it names AWS principals, and the method asks nobody who he is
	CauseAPIPolicyVPC    = "api-policy-vpc"          // it wants a VPC endpoint
	CauseRouteNotFound   = "route-not-found"         // no such path or verb
	CauseRouteUndeployed = "route-not-deployed"      // the path exists, but not in the deployment
	CauseStageNotFound   = "stage-not-found"
)

// credentials explains a request whose signature was not accepted.
func (x *apiExplainer) credentials() {
	c := &x.r.Call
	switch x.r.Code {
	case "MissingAuthenticationTokenException":
		x.cause(CauseUnsigned, "The method %s %s asks for a signature (AWS_IAM), and the request has none.", c.Method, c.ResourcePath)
		x.note("Sign it for the service execute-api: curl --aws-sigv4 aws:amz:%s:execute-api --user ACCESS_KEY_ID:SECRET_ACCESS_KEY, with -H \"x-amz-security-token: …\" for temporary credentials.", c.Region)
	case "UnrecognizedClientException":
		x.cause(CauseUnknownKey, "The request is signed with access key %s, which is not known here, is inactive, or came without its session token.", x.r.AccessKeyID)
	case "ExpiredTokenException":
		x.cause(CauseExpired, "The request is signed with temporary credentials (%s) that are over.", x.r.AccessKeyID)
	default:
		first, _, more := strings.Cut(x.r.Answer, "\n")
		x.cause(CauseSignature, "The request's signature is not accepted: %s", first)
		if more {
			x.note("The answer to the client holds the canonical request and the string to sign as they should have been: compare them with what the client signed.")
		}
	}
}

// causeAndFix names the cause of a refusal by policies, and the fix.
func (x *apiExplainer) causeAndFix() {
	v := x.r.Verdict
	if x.notDeployed() {
		return
	}
	switch {
	case v.Basis == Unreadable:
		x.cause(CausePolicyUnreadable, "%s cannot be read, so nobody may call: %v.", capital(x.policyText(v)), v.Policy.Err())
	case v.Basis == ExplicitDeny && v.Kind == ResourcePolicy:
		x.cause(CauseAPIPolicyDeny, "Statement %s of the API's resource policy denies the call.", statementName(x.d.NearestMiss()))
		x.vpcNote()
	case v.Basis == ExplicitDeny:
		x.cause(CauseCallerDenied, "Statement %s of %s denies the call.", statementName(x.d.NearestMiss()), x.policyText(v))
	case v.Kind == ResourcePolicy:
		x.resourceSilent()
	case v.Kind == Boundary:
		x.cause(CauseCallerBoundary, "The permissions boundary of %s does not allow %s on this method, and so nothing else can.", x.d.Principal, InvokeAPIAction)
	case v.Kind == SessionPolicy:
		x.cause(CauseCallerSession, "The session policy of %s does not allow %s on this method, and so nothing else can.", x.d.Principal, InvokeAPIAction)
	default:
		x.cause(CauseCallerIdentity, "No policy of %s allows %s on this method%s.", x.d.Principal, InvokeAPIAction, x.resourceToo())
	}
	x.fixAll()
}

// resourceToo: in one account the API's policy could have allowed it as well.
func (x *apiExplainer) resourceToo() string {
	if x.r.Call.Policy == nil {
		return ", and the API has no resource policy that does"
	}
	return ", and the API's resource policy does not either"
}

// policyText names the policy that decided.
func (x *apiExplainer) policyText(v CallerVerdict) string {
	switch {
	case v.Kind == ResourcePolicy:
		return "the API's resource policy"
	case v.Policy == nil:
		return "the " + string(v.Kind)
	case v.Policy.name == "" || v.Policy.name == v.Policy.Owner:
		return "the " + string(v.Kind) + " of " + v.Policy.Owner
	default:
		return string(v.Kind) + " " + v.Policy.name + " of " + v.Policy.Owner
	}
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// notDeployed recognises the commonest surprise: the resource policy is right
// by now, but the stage serves a deployment from before it was changed (APIGW-DG
// apigateway-resource-policies-create-attach: "If you update the resource
// policy, you'll need to deploy the API").
func (x *apiExplainer) notDeployed() bool {
	live, ok := x.live()
	if !ok || documentOf(live) == documentOf(x.r.Call.Policy) || !x.with(live) {
		return false
	}
	what := "was changed"
	switch {
	case live == nil:
		what = "was removed"
	case x.r.Call.Policy == nil:
		what = "was added"
	}
	x.cause(CauseNotDeployed, "The API's resource policy %s since deployment %s, which stage %s serves. As it is now it allows the call: deploy it.", what, x.r.Call.DeploymentID, x.r.Call.Stage)
	x.fixDeploy()
	return true
}

// resourceSilent explains a resource policy that does not allow.
func (x *apiExplainer) resourceSilent() {
	c, s := &x.r.Call, x.d.NearestMiss()
	switch {
	case c.Policy == nil:
		x.cause(CauseAPIPolicy, "%s is of another account than the API (%s), and the API has no resource policy that lets it in.", x.d.Principal, c.Account)
		return
	case s == nil:
		x.cause(CauseAPIPolicy, "No statement of the API's resource policy allows anything.")
		return
	}
	var parts []string
	for _, e := range s.Failed() {
		want, got := strings.Join(e.Want, ", "), strings.Join(e.Got, ", ")
		switch {
		case strings.HasSuffix(e.Element, "Principal") && !c.Signed:
			x.cause(CauseAPIPolicyAuth, "Statement %s of the API's resource policy lets %s in, but the method asks nobody who he is (authorization NONE), so every caller is anonymous.", statementName(s), want)
			return
		case e.Element == "Condition" && isVPCKey(e.Key) && len(e.Got) == 0:
			x.cause(CauseAPIPolicyVPC, "Statement %s of the API's resource policy wants %s %s, and the call came through no VPC endpoint.", statementName(s), e.Key, want)
			x.vpcNote()
			return
		case e.Element == "Condition" && len(e.Got) == 0:
			parts = append(parts, fmt.Sprintf("%s %s %s, which the request does not have", e.Key, e.Operator, want))
		case e.Element == "Condition":
			parts = append(parts, fmt.Sprintf("%s %s %s, and it is %s", e.Key, e.Operator, want, got))
		default:
			parts = append(parts, fmt.Sprintf("%s %s, and it is %s", e.Element, want, got))
		}
	}
	x.cause(CauseAPIPolicy, "The API's resource policy does not allow the call. The nearest statement, %s, wants %s.", statementName(s), strings.Join(parts, "; "))
}

func isVPCKey(key string) bool {
	for _, name := range []string{"aws:SourceVpce", "aws:SourceVpc", "aws:VpcSourceIp"} {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// vpcNote says why keys of VPC endpoints are absent.
func (x *apiExplainer) vpcNote() {
	s := x.d.NearestMiss()
	if s == nil {
		return
	}
	for _, e := range s.Elements {
		if isVPCKey(e.Key) && x.r.Logged {
			x.note("%s is only there in calls through a VPC endpoint; whether this was one, the log does not tell.", e.Key)
			return
		}
		if isVPCKey(e.Key) {
			x.note("%s is only there in calls through a VPC endpoint. stagedoor has none, so every call here looks like one from the internet.", e.Key)
			return
		}
	}
}
