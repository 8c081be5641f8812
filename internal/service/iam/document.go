package iam

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

const syntaxErrors = "Syntax errors in policy."

var (
	sidPattern     = regexp.MustCompile(`^[0-9A-Za-z]*$`)
	servicePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal|api\.aws|aws\.dev)$`)
	accountPattern = regexp.MustCompile(`^\d{12}$`)
	idPattern      = regexp.MustCompile(`^A[A-Z]{3}[A-Z0-9]{12,}$`) // unique ids: AIDA…, AROA…
)

// encodeDocument is how IAM returns documents: percent-encoded as RFC 3986 has
// it (IAM API Reference, GetRole: "policies returned by this operation are
// URL-encoded compliant with RFC 3986").
func encodeDocument(document string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(document)*3/2)
	for i := 0; i < len(document); i++ {
		switch c := document[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~':
			b = append(b, c)
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

// policySize counts characters as IAM's quotas do: white space is free.
func policySize(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// statement is one statement, loosely read: AWS judges some elements before it
// looks at the rest, each with a sentence of its own.
type statement map[string]json.RawMessage

// readDocument reads version and statements. Errors are AWS's.
func readDocument(document string) (version string, statements []statement, err error) {
	if !json.Valid([]byte(document)) {
		return "", nil, malformed("This policy contains invalid Json") // recording test_create_role_with_malformed_assume_role_policy_document
	}
	var whole struct {
		Version   string
		Statement json.RawMessage
	}
	if json.Unmarshal([]byte(document), &whole) != nil {
		return "", nil, malformed(syntaxErrors)
	}
	if json.Unmarshal(whole.Statement, &statements) == nil {
		return whole.Version, statements, nil
	}
	var single statement
	if json.Unmarshal(whole.Statement, &single) != nil {
		return "", nil, malformed(syntaxErrors)
	}
	return whole.Version, []statement{single}, nil
}

func (s statement) has(elements ...string) bool {
	return slices.ContainsFunc(elements, func(e string) bool { return len(s[e]) > 0 })
}

// texts reads an element that is a string or a list of strings; nil if it is
// neither.
func texts(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var many []string
	if json.Unmarshal(raw, &many) != nil {
		return nil
	}
	return many
}

func (s statement) texts(elements ...string) []string {
	var all []string
	for _, e := range elements {
		if raw := s[e]; len(raw) > 0 {
			all = append(all, texts(raw)...)
		}
	}
	return all
}

// checkLanguage asks the policy language itself what the loose reading missed.
func checkLanguage(document string) error {
	if _, err := iampolicy.Parse([]byte(document)); err != nil {
		return malformed(syntaxErrors)
	}
	return nil
}

// checkManagedPolicy judges the document of a managed policy.
func checkManagedPolicy(document string) error {
	if err := checkIdentityPolicy(document); err != nil {
		return err
	}
	version, _, err := readDocument(document)
	if err != nil {
		return err
	}
	if version != "2012-10-17" {
		// unverified for inline policies: AWS is known to demand it of managed ones
		return malformed("Policy document must be version 2012-10-17 or greater.")
	}
	if policySize(document) > maxPolicySize {
		return limitExceeded("Cannot exceed quota for PolicySize: 6144")
	}
	return nil
}

// checkIdentityPolicy judges a policy that is attached to an identity.
func checkIdentityPolicy(document string) error {
	_, statements, err := readDocument(document)
	if err != nil {
		return err
	}
	for _, st := range statements {
		if st.has("Principal", "NotPrincipal") {
			return malformed("Policy document should not specify a principal.")
		}
	}
	if err := checkSids(statements); err != nil {
		return err
	}
	for _, st := range statements {
		if err := checkActionsAndResources(st); err != nil {
			return err
		}
	}
	return checkLanguage(document)
}

func checkSids(statements []statement) error {
	seen := map[string]bool{}
	for _, st := range statements {
		for _, sid := range st.texts("Sid") {
			if sid == "" {
				continue
			}
			if !sidPattern.MatchString(sid) {
				return malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
			}
			if seen[sid] {
				return malformed("Statement IDs (SID) in a single policy must be unique.")
			}
			seen[sid] = true
		}
	}
	return nil
}

// checkActionsAndResources judges the form of actions and resources. The
// sentences are those that public reports of refused policies quote.
func checkActionsAndResources(st statement) error {
	if !st.has("Action", "NotAction") {
		return malformed("Policy statement must contain actions.")
	}
	if !st.has("Resource", "NotResource") {
		return malformed("Policy statement must contain resources.")
	}
	for _, action := range st.texts("Action", "NotAction") {
		switch {
		case action == "*":
		case strings.Count(action, ":") == 0:
			return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
		case strings.Count(action, ":") > 1:
			return malformed("Actions/Condition can contain only one colon.")
		}
	}
	for _, resource := range st.texts("Resource", "NotResource") {
		if resource == "*" || strings.HasPrefix(resource, "${") {
			continue
		}
		parts := strings.SplitN(resource, ":", 6)
		switch {
		case parts[0] != "arn" && parts[0] != "*" && !strings.HasPrefix(resource, "arn*"):
			return malformed("Resource " + resource + ` must be in ARN format or "*".`)
		case len(parts) > 1 && !knownPartition(parts[1]):
			return malformed(`Partition "` + parts[1] + `" is not valid for resource "` + resource + `".`)
		case len(parts) < 6 && !strings.Contains(resource, "*"):
			return malformed("The policy failed legacy parsing")
		}
	}
	return nil
}

func knownPartition(p string) bool {
	return strings.ContainsAny(p, "*?$") || p == "aws" || p == "aws-cn" || p == "aws-us-gov" ||
		strings.HasPrefix(p, "aws-iso") || p == "aws-eusc"
}

// checkTrustPolicy judges the trust policy of a role.
func (s *Service) checkTrustPolicy(ctx context.Context, document string) error {
	_, statements, err := readDocument(document)
	if err != nil {
		return err
	}
	for _, st := range statements {
		for _, element := range []string{"Resource", "NotResource"} {
			if st.has(element) {
				return malformed("Has prohibited field " + element)
			}
		}
		if !st.has("Principal", "NotPrincipal") {
			return malformed("Missing required field Principal")
		}
		if !st.has("Action", "NotAction") {
			return malformed("Missing required field Action") // unverified: named after the other two
		}
		for _, action := range st.texts("Action") {
			if vendor, _, _ := strings.Cut(strings.ToLower(action), ":"); vendor != "sts" {
				return malformed("AssumeRole policy may only specify STS AssumeRole actions.")
			}
		}
		if err := checkFederated(st); err != nil {
			return err
		}
		if err := s.checkPrincipals(ctx, st["Principal"]); err != nil {
			return err
		}
	}
	if err := checkLanguage(document); err != nil {
		return err
	}
	if policySize(document) > maxTrustPolicySize {
		return limitExceeded("Cannot exceed quota for ACLSizePerRole: 2048")
	}
	return nil
}

// checkPrincipals judges whom a trust policy names. AWS resolves users and
// roles when the policy is written, and refuses those that do not exist.
func (s *Service) checkPrincipals(ctx context.Context, raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	var everyone string
	if json.Unmarshal(raw, &everyone) == nil {
		if everyone != "*" {
			return malformed(syntaxErrors)
		}
		return nil
	}
	var byType map[string]json.RawMessage
	if json.Unmarshal(raw, &byType) != nil {
		return malformed(syntaxErrors)
	}
	for kind, list := range byType {
		for _, id := range texts(list) {
			if !s.principalExists(ctx, kind, id) {
				return malformed(`Invalid principal in policy: "` + strings.ToUpper(kind) + `":"` + id + `"`)
			}
		}
	}
	return nil
}

func (s *Service) principalExists(ctx context.Context, kind, id string) bool {
	switch kind {
	case "Service":
		// unverified: AWS knows which services exist; here any name of the
		// right form passes
		return servicePattern.MatchString(id)
	case "AWS":
		return s.awsPrincipalExists(ctx, id)
	default:
		return id != ""
	}
}

func (s *Service) awsPrincipalExists(ctx context.Context, id string) bool {
	if id == "*" || accountPattern.MatchString(id) || idPattern.MatchString(id) {
		return true
	}
	parts := strings.SplitN(id, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !accountPattern.MatchString(parts[4]) {
		return false
	}
	if parts[2] == "sts" {
		return strings.HasPrefix(parts[5], "assumed-role/") || strings.HasPrefix(parts[5], "federated-user/")
	}
	if parts[2] != "iam" {
		return false
	}
	name := strings.ToLower(parts[5][strings.LastIndexByte(parts[5], '/')+1:])
	switch {
	case parts[5] == "root":
		return true
	case parts[4] != account(ctx):
		// Another account's: that of a real one cannot be asked.
		return strings.HasPrefix(parts[5], "user/") || strings.HasPrefix(parts[5], "role/")
	case strings.HasPrefix(parts[5], "user/"):
		user, _, err := store.Get[state.User](s.store, state.UserKey(parts[4], name))
		return err == nil && user.ARN == id
	case strings.HasPrefix(parts[5], "role/"):
		role, _, err := store.Get[state.Role](s.store, state.RoleKey(parts[4], name))
		return err == nil && role.ARN == id
	}
	return false
}
