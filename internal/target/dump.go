package target

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	http "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	lambda "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Format and Version stand at the head of every dump.
const (
	Format  = "stagedoor-account"
	Version = 1
)

// ErrNewer is wrapped by the error of Load for a dump of a newer version.
var ErrNewer = errors.New("the dump was written by a newer stagedoor")

// Dump is what Read found. The members that AWS answers keep its names, in any
// letter case: what the aws CLI prints can be pasted into one by hand.
type Dump struct {
	Format   string    `json:"format"`
	Version  int       `json:"version"`
	Taken    time.Time `json:"taken"`
	Account  string    `json:"account"`
	Region   string    `json:"region"`
	Endpoint string    `json:"endpoint,omitempty"`

	RestAPIs  []*RestAPI  `json:"restApis"`
	HTTPAPIs  []*HTTPAPI  `json:"httpApis,omitempty"`
	Functions []*Function `json:"functions"`
	Roles     []*Role     `json:"roles,omitempty"`
	KeyGrants []*KeyGrant `json:"keyGrants,omitempty"`
	// LogRole is the account's CloudWatch role for execution logs; nil where
	// it was not read.
	LogRole *string `json:"logRole,omitempty"`

	// Partial says that functions which no API calls were left out.
	Partial bool     `json:"partial,omitempty"`
	Unread  []Unread `json:"unread,omitempty"`

	Calls    int   `json:"calls"`              // operations asked for
	Requests int64 `json:"requests,omitempty"` // HTTP requests that it took, repeated ones included
}

// Unread is something that the place did not tell.
type Unread struct {
	What      string `json:"what"` // "authorizers of API a1b2c3d4e5"
	Operation string `json:"operation"`
	Code      string `json:"code"` // the error's
	Why       string `json:"why"`
}

// String is one line for a person.
func (u Unread) String() string {
	return fmt.Sprintf("%s: %s answered %s (%s)", u.What, u.Operation, u.Code, u.Why)
}

// RestAPI is one REST API. Resources are the live configuration; Exports the
// deployed one of each stage (OpenAPI 3 with the API Gateway extensions), where
// the place has GetExport. Deployments are those that the stages and canaries
// run: with the list of their methods where no export tells more.
type RestAPI struct {
	API         rest.RestApi               `json:"api"`
	Resources   []rest.Resource            `json:"resources"`
	Stages      []rest.Stage               `json:"stages"`
	Authorizers []rest.Authorizer          `json:"authorizers,omitempty"`
	Deployments map[string]rest.Deployment `json:"deployments,omitempty"` // by id
	Exports     map[string]json.RawMessage `json:"exports,omitempty"`     // by stage
	Unread      map[string]string          `json:"unread,omitempty"`      // "resources", "stages", "authorizers" → why
}

// HTTPAPI is one HTTP or WebSocket API: the answers of API Gateway V2.
type HTTPAPI struct {
	API          http.Api           `json:"api"`
	Routes       []http.Route       `json:"routes"`
	Integrations []http.Integration `json:"integrations"`
	Stages       []http.Stage       `json:"stages"`
	Authorizers  []http.Authorizer  `json:"authorizers,omitempty"`
	Unread       map[string]string  `json:"unread,omitempty"`
}

// Function is one Lambda function. Its environment variables are left out:
// they hold secrets, and a dump travels.
type Function struct {
	Configuration lambda.FunctionConfiguration `json:"configuration"`
	Aliases       []lambda.AliasConfiguration  `json:"aliases,omitempty"`
	Versions      []string                     `json:"versions,omitempty"` // published numbers, in order
	URLs          []lambda.FunctionUrlConfig   `json:"urls,omitempty"`
	// Policies are by qualifier, "" for the bare function. A qualifier that
	// was read and has no policy is not in it.
	Policies map[string]Policy `json:"policies,omitempty"`
	// Unread says of a qualifier ("" for the bare function, "*" for all) why
	// its policy is not known; of "aliases" and "versions" likewise.
	Unread map[string]string `json:"unread,omitempty"`
	// Foreign functions lie in another account or region; nothing but their
	// policies was asked for.
	Foreign bool `json:"foreign,omitempty"`
}

// Policy is what GetPolicy answers.
type Policy struct {
	Policy     string `json:"policy"`
	RevisionID string `json:"revisionId"`
}

// Role is one IAM role with its policies.
type Role struct {
	ARN      string            `json:"arn"`
	ID       string            `json:"id"` // AROA…
	Name     string            `json:"name"`
	Created  time.Time         `json:"created"`
	Trust    string            `json:"trust"`              // the trust policy's document
	Inline   map[string]string `json:"inline,omitempty"`   // by name
	Attached map[string]string `json:"attached,omitempty"` // by ARN: the default version
	Boundary string            `json:"boundary,omitempty"` // ARN; its document is among Attached's
	// BoundaryDocument is the boundary's default version.
	BoundaryDocument string `json:"boundaryDocument,omitempty"`
	Missing          bool   `json:"missing,omitempty"` // there is no such role
	Unread           string `json:"unread,omitempty"`  // why it is not known
}

// KeyGrant is what KMS ListGrants answers of the grant that Lambda made for a
// function's environment. Read does not ask KMS; dumps may hold it.
type KeyGrant struct {
	KeyID            string `json:"keyId"`
	GranteePrincipal string `json:"granteePrincipal"`
	Constraints      struct {
		EncryptionContextSubset map[string]string `json:"encryptionContextSubset"`
		EncryptionContextEquals map[string]string `json:"encryptionContextEquals"`
	} `json:"constraints"`
}

// Save writes a dump.
func (d *Dump) Save(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("writing the dump: %w", err)
	}
	return nil
}

// maxDump bounds what Load reads: a dump of a whole account has a few dozen MB.
const maxDump = 1 << 30

// Load reads a dump that Save or a person wrote. Its errors say what is wrong
// with the file and what to do.
func Load(r io.Reader) (*Dump, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxDump+1))
	if err != nil {
		return nil, fmt.Errorf("reading the dump: %w", err)
	}
	if len(data) > maxDump {
		return nil, fmt.Errorf("the dump is larger than %d bytes", maxDump)
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, dumpError(data, err)
	}
	switch {
	case head.Format != Format:
		return nil, fmt.Errorf("this is no dump: its \"format\" is %q, not %q. Write one with: stagedoor doctor --save account.json", head.Format, Format)
	case head.Version > Version:
		return nil, fmt.Errorf("%w: its version is %d, this one reads up to %d. Update stagedoor, or write the dump anew with this one", ErrNewer, head.Version, Version)
	case head.Version < 1:
		return nil, fmt.Errorf("the dump has no \"version\": this stagedoor reads version %d", Version)
	}
	d := &Dump{}
	if err := json.Unmarshal(data, d); err != nil {
		return nil, dumpError(data, err)
	}
	return d, d.check()
}

// dumpError says where a dump breaks off or has the wrong type.
func dumpError(data []byte, err error) error {
	var syntax *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	switch {
	case len(strings.TrimSpace(string(data))) == 0:
		return errors.New("the dump is empty. Write one with: stagedoor doctor --save account.json")
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(data)):
		return fmt.Errorf("the dump is truncated: it ends after %d bytes in the middle of the data. Write it anew with: stagedoor doctor --save account.json", len(data))
	case errors.As(err, &syntax):
		return fmt.Errorf("the dump is no JSON: line %d: %w. Write one with: stagedoor doctor --save account.json", lineOf(data, syntax.Offset), err)
	case errors.As(err, &mistyped):
		return fmt.Errorf("line %d of the dump: %s is a JSON %s, which does not belong there", lineOf(data, mistyped.Offset), mistyped.Field, mistyped.Value)
	default:
		return fmt.Errorf("the dump cannot be read: %w", err)
	}
}

func lineOf(data []byte, offset int64) int {
	return 1 + strings.Count(string(data[:min(max(offset, 0), int64(len(data)))]), "\n")
}

// check refuses a dump in which something lacks the name that all else hangs
// on: a verdict from it would be wrong.
func (d *Dump) check() error {
	for i, a := range d.RestAPIs {
		if a == nil || a.API.Id == nil {
			return fmt.Errorf("entry %d of \"restApis\" in the dump has no api.id", i)
		}
	}
	for i, a := range d.HTTPAPIs {
		if a == nil || a.API.ApiId == nil {
			return fmt.Errorf("entry %d of \"httpApis\" in the dump has no api.apiId", i)
		}
	}
	for i, f := range d.Functions {
		if f == nil || f.Configuration.FunctionArn == nil {
			return fmt.Errorf("entry %d of \"functions\" in the dump has no configuration.functionArn", i)
		}
	}
	for i, r := range d.Roles {
		if r == nil || r.ARN == "" {
			return fmt.Errorf("entry %d of \"roles\" in the dump has no arn", i)
		}
	}
	if d.Account == "" || d.Region == "" {
		return errors.New("the dump names no account or no region")
	}
	return nil
}
