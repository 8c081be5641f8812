package iampolicy

// Effect is the answer of a policy: tri-state, because "nothing applied" and
// "explicitly denied" combine differently with other policies.
type Effect uint8

// The three answers. The zero value is the implicit deny.
const (
	NoMatch Effect = iota // no statement applied: an implicit deny, which another policy may turn into an allow
	Allow                 // at least one Allow statement applied and no Deny statement did
	Deny                  // at least one Deny statement applied: final, whatever other policies say
)

// String returns "NoMatch", "Allow" or "Deny".
func (e Effect) String() string {
	switch e {
	case Allow:
		return "Allow"
	case Deny:
		return "Deny"
	default:
		return "NoMatch"
	}
}

// MarshalText makes an Effect readable in JSON.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads what MarshalText wrote. Unknown text is NoMatch: the
// answer that grants nothing.
func (e *Effect) UnmarshalText(text []byte) error {
	switch string(text) {
	case "Allow":
		*e = Allow
	case "Deny":
		*e = Deny
	default:
		*e = NoMatch
	}
	return nil
}

// PrincipalType is the kind of who is asking, in the spelling of the Principal
// element.
type PrincipalType string

// The kinds of principal that a policy can name, and Anonymous, which only "*"
// matches.
const (
	Service       PrincipalType = "Service"       // an AWS service: ID is "apigateway.amazonaws.com"
	AWS           PrincipalType = "AWS"           // an account, user, role session or federated user: ID is its ARN
	Federated     PrincipalType = "Federated"     // an identity provider: ID is its ARN or host name
	CanonicalUser PrincipalType = "CanonicalUser" // the 64-digit id that S3 knows
	Anonymous     PrincipalType = "*"             // an unsigned request
)

// Principal is who asks.
type Principal struct {
	Type PrincipalType
	// ID is the caller's own name: a service's host name, the ARN of a user
	// (arn:aws:iam::A:user/path/name), of a role session
	// (arn:aws:sts::A:assumed-role/NAME/SESSION), of a federated user or of an
	// account root (arn:aws:iam::A:root).
	ID string
	// Account is the 12-digit account of an AWS principal; statements that
	// name the account match it.
	Account string
	// RoleARN is the role of a role session (arn:aws:iam::A:role/path/NAME);
	// statements that name the role match the session.
	RoleARN string
	// UniqueID is the caller's id that is never used twice (AIDA…, or
	// AROA…:SESSION for a role session).
	UniqueID string
}

// Request is what a policy is asked: may Principal do Action to Resource, all
// circumstances being Context?
type Request struct {
	Principal Principal
	Action    string // "lambda:InvokeFunction"; compared without regard to case
	Resource  string // an ARN; compared with regard to case
	Context   Context
}

// Context holds the condition keys of a request. It is a slice, not a map,
// because a request has few keys and a caller on a fast path can keep it on
// its stack. Names are compared without regard to case, as IAM does. A key
// without values counts as absent.
type Context []ContextKey

// ContextKey is one condition key and its values in this request. Most keys
// have exactly one value; multivalued ones (aws:TagKeys) are compared with
// ForAllValues or ForAnyValue.
type ContextKey struct {
	Name   string
	Values []string
}

// Lookup returns the values of a key, or nil when the request has none.
func (c Context) Lookup(name string) []string {
	for i := range c {
		if equalFoldASCII(c[i].Name, name) {
			return c[i].Values
		}
	}
	return nil
}
