package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signature is what a request says about who signed it, when and for what.
// Nothing in it has been verified.
type Signature struct {
	AccessKeyID   string
	Date          string // YYYYMMDD of the credential scope
	Region        string
	Service       string // signing name: "lambda", "apigateway", "logs", …
	SignedHeaders []string
	Value         string // the signature, hexadecimal
	Time          time.Time
	Timestamp     string // Time as it was signed, 20060102T150405Z
	SessionToken  string // X-Amz-Security-Token
	ContentSHA256 string // X-Amz-Content-Sha256 as it was sent, or ""
	Presigned     bool   // in the query string
	Expires       time.Duration
}

// Scope is where a signature is valid.
type Scope struct {
	AccessKeyID, Date, Region, Service string
}

// ScopeOf returns the credential scope of r without judging the rest of its
// signature; ok is false if there is none. It is cheap: routing uses it.
func ScopeOf(r *http.Request) (scope Scope, ok bool) {
	credential := ""
	if auth := r.Header.Get("Authorization"); strings.HasPrefix(auth, Algorithm) {
		credential = authorizationField(auth, "Credential")
	} else if strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
		credential = r.URL.Query().Get("X-Amz-Credential")
	}
	s, ok := splitCredential(credential)
	return Scope{AccessKeyID: s[0], Date: s[1], Region: s[2], Service: s[3]}, ok
}

// Signed reports whether r carries credentials of any kind, readable or not.
func Signed(r *http.Request) bool {
	return r.Header.Get("Authorization") != "" || presigned(r.URL.RawQuery)
}

func presigned(rawQuery string) bool {
	return strings.Contains(rawQuery, "X-Amz-Algorithm=") || strings.Contains(rawQuery, "X-Amz-Credential=") ||
		strings.Contains(rawQuery, "X-Amz-Signature=")
}

// Parse reads the signature that r carries in its Authorization header or its
// query string. Its errors are *Error: Missing if there is none, Incomplete if
// it is not whole.
func Parse(r *http.Request) (*Signature, error) {
	if auth := r.Header.Get("Authorization"); auth != "" {
		return parseHeader(r, auth)
	}
	if presigned(r.URL.RawQuery) {
		return parseQuery(r)
	}
	return nil, &Error{Kind: Missing}
}

func parseHeader(r *http.Request, auth string) (*Signature, error) {
	algorithm, rest, _ := strings.Cut(auth, " ")
	fields := map[string]string{}
	for pair := range strings.SplitSeq(rest, ",") {
		pair = strings.TrimSpace(pair)
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			// API Gateway's answer to "Authorization: Bearer x", quoted in many
			// threads; the header is hashed since 2023, so that it does not leak.
			return nil, incomplete("Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '" + hashed(auth) + "'.")
		}
		fields[name] = value
	}
	s := &Signature{
		Value:         fields["Signature"],
		SessionToken:  r.Header.Get("X-Amz-Security-Token"),
		ContentSHA256: r.Header.Get("X-Amz-Content-Sha256"),
	}
	timestamp := r.Header.Get("X-Amz-Date")
	date := r.Header.Get("Date")
	if text := missingFields(algorithm, fields, timestamp != "" || date != ""); text != "" {
		return nil, incomplete(text + "(Hashed with SHA-256 and encoded with Base64) Authorization=" + hashed(auth))
	}
	s.SignedHeaders = strings.Split(strings.ToLower(fields["SignedHeaders"]), ";")
	if timestamp == "" {
		timestamp = fromHTTPDate(date)
	}
	return s, s.complete(fields["Credential"], timestamp)
}

// missingFields words what an Authorization header lacks. The sentences are
// AWS's, in its order (aws/chalice#828 and many more).
func missingFields(algorithm string, fields map[string]string, dated bool) string {
	if algorithm != Algorithm && len(fields) > 0 {
		// unverified: the exact text for an unknown algorithm
		return "Unsupported AWS 'algorithm': '" + algorithm + "'. "
	}
	var b strings.Builder
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if fields[name] == "" {
			b.WriteString("Authorization header requires '" + name + "' parameter. ")
		}
	}
	if !dated {
		b.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	return b.String()
}

func hashed(auth string) string {
	sum := sha256.Sum256([]byte(auth))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// fromHTTPDate turns a Date header into the form that is signed. A value that
// is no HTTP date is returned as it is: complete judges it.
func fromHTTPDate(date string) string {
	if t, err := http.ParseTime(date); err == nil {
		return t.UTC().Format(timeLayout)
	}
	return date
}

func parseQuery(r *http.Request) (*Signature, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil && query == nil {
		return nil, incomplete("The query-string of the request cannot be read.")
	}
	var b strings.Builder
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		if query.Get(name) == "" {
			b.WriteString("AWS query-string parameters must include '" + name + "'. ")
		}
	}
	if b.Len() > 0 {
		return nil, incomplete(b.String() + "Re-examine the query-string parameters.")
	}
	if a := query.Get("X-Amz-Algorithm"); a != Algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '" + a + "'. ")
	}
	s := &Signature{
		Value:         query.Get("X-Amz-Signature"),
		SessionToken:  query.Get("X-Amz-Security-Token"),
		ContentSHA256: cmpOr(query.Get("X-Amz-Content-Sha256"), r.Header.Get("X-Amz-Content-Sha256")),
		SignedHeaders: strings.Split(strings.ToLower(query.Get("X-Amz-SignedHeaders")), ";"),
		Presigned:     true,
	}
	if e := query.Get("X-Amz-Expires"); e != "" {
		seconds, err := strconv.Atoi(e)
		// S3 API Reference: 1 to 604800, seven days.
		if err != nil || seconds < 0 || seconds > 604800 {
			return nil, incomplete("X-Amz-Expires must be a number of seconds between 0 and 604800, got '" + e + "'.")
		}
		s.Expires = time.Duration(seconds) * time.Second
	}
	return s, s.complete(query.Get("X-Amz-Credential"), query.Get("X-Amz-Date"))
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// complete fills scope and time in.
func (s *Signature) complete(credential, timestamp string) error {
	parts, ok := splitCredential(credential)
	if !ok {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + credential + "'")
	}
	s.AccessKeyID, s.Date, s.Region, s.Service = parts[0], parts[1], parts[2], parts[3]
	if !strings.HasSuffix(credential, "/"+terminator) {
		return invalid(s, "Credential should be scoped with a valid terminator: '"+terminator+"', not '"+credential[strings.LastIndexByte(credential, '/')+1:]+"'. ")
	}
	t, err := time.Parse(timeLayout, timestamp)
	if err != nil {
		return incomplete("Date must be in ISO-8601 'basic format'. Got '" + timestamp + "'. See http://en.wikipedia.org/wiki/ISO_8601")
	}
	s.Time, s.Timestamp = t, timestamp
	slices.Sort(s.SignedHeaders)
	return nil
}

// splitCredential splits KEY/DATE/REGION/SERVICE/TERM. A key may itself hold
// slashes; the last four elements may not.
func splitCredential(credential string) (parts [4]string, ok bool) {
	for i := 3; i >= 0; i-- {
		cut := strings.LastIndexByte(credential, '/')
		if cut < 0 {
			return [4]string{}, false
		}
		if i < 3 {
			parts[i+1] = credential[cut+1:]
		}
		credential = credential[:cut]
	}
	parts[0] = credential
	return parts, credential != ""
}

// authorizationField finds one field of an Authorization header without
// allocating.
func authorizationField(auth, name string) string {
	_, rest, ok := strings.Cut(auth, name+"=")
	if !ok {
		return ""
	}
	if end := strings.IndexAny(rest, ", "); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

func (s *Signature) signs(header string) bool {
	return slices.Contains(s.SignedHeaders, header)
}
