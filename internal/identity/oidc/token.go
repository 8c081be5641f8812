package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Refusals, for errors.Is. ExpiredError and MissingClaimError are the others.
var (
	// ErrMalformed: this is no JSON web token.
	ErrMalformed = errors.New("not a JSON web token")
	// ErrNoKey: the issuer publishes no key that fits the token, or nothing that
	// can be read.
	ErrNoKey = errors.New("no verification key")
	// ErrUnreachable: the issuer did not answer in time, or only with an error
	// of its own.
	ErrUnreachable = errors.New("the issuer cannot be reached")
	// ErrInvalid: the token does not hold: its signature is wrong, or a claim.
	ErrInvalid = errors.New("the token does not hold")
)

// MissingClaimError says that a token lacks a claim that it must have.
type MissingClaimError struct{ Claim string }

// Error names the claim.
func (e *MissingClaimError) Error() string { return "the token lacks the claim " + e.Claim }

// ExpiredError says that a token is over.
type ExpiredError struct{ Now, Expires time.Time }

// Error tells both times.
func (e *ExpiredError) Error() string {
	return fmt.Sprintf("the token expired at %s", e.Expires.UTC().Format(time.RFC3339))
}

// leeway is how far in the future a token may have been issued, for clocks that
// are apart. It does not prolong a token: AWS refuses one that is 198 seconds
// over (awslabs/aws-orbit-workbench#707).
//
// unverified: how much AWS grants
const leeway = 5 * time.Minute

// Token is what a JSON web token says. Nothing of it is proven before
// Verifier.Verify says so.
type Token struct {
	raw    string
	claims jwt.MapClaims
}

// Parse reads a token without proving anything.
func Parse(raw string) (*Token, error) {
	t := &Token{raw: raw, claims: jwt.MapClaims{}}
	if _, _, err := jwt.NewParser(jwt.WithJSONNumber(), jwt.WithStrictDecoding()).ParseUnverified(raw, t.claims); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return t, nil
}

// Text is a claim that is a string or a number; "" where there is none.
func (t *Token) Text(claim string) string { return text(t.claims[claim]) }

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// Texts is a claim that is a string, a number, or a list of them.
func (t *Token) Texts(claim string) []string { return texts(t.claims[claim]) }

func texts(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var all []string
	for _, one := range list {
		if s := text(one); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// Issuer is who made the token: the claim iss.
func (t *Token) Issuer() string { return t.Text("iss") }

// Subject is whom the token is about: the claim sub.
func (t *Token) Subject() string { return t.Text("sub") }

// Tags are the session tags that the token carries, each with one value, and
// the keys of those that are transitive (IAM user guide, "Pass session tags in
// AWS STS": the nested and the flattened form). A tag with more than one value
// is an error that wraps ErrInvalid.
func (t *Token) Tags() (tags map[string]string, transitive []string, err error) {
	const claim = "https://aws.amazon.com/tags"
	tags = map[string]string{}
	add := func(key string, v any) {
		values := texts(v)
		if list, ok := v.([]any); err == nil && (len(values) > 1 || ok && len(list) > 1) {
			err = fmt.Errorf("%w: the tag %s has several values", ErrInvalid, key)
		}
		tags[key] = strings.Join(values, "")
	}
	if nested, ok := t.claims[claim].(map[string]any); ok {
		principal, _ := nested["principal_tags"].(map[string]any)
		for key, v := range principal {
			add(key, v)
		}
		transitive = texts(nested["transitive_tag_keys"])
	}
	for name, v := range t.claims {
		if key, ok := strings.CutPrefix(name, claim+"/principal_tags/"); ok {
			add(key, v)
		}
	}
	return tags, append(transitive, t.Texts(claim+"/transitive_tag_keys")...), err
}

// SourceIdentity is the source identity that the token sets for the session
// (IAM user guide, "Monitor and control actions taken with assumed roles").
func (t *Token) SourceIdentity() string { return t.Text("https://aws.amazon.com/source_identity") }

// check judges the claims about time, and that those are there which AWS
// demands (aws/aws-sdk-ruby#2698 for aud).
func (t *Token) check(now time.Time) error {
	for _, claim := range []string{"iss", "sub", "aud", "exp", "iat"} {
		if len(t.Texts(claim)) == 0 {
			return &MissingClaimError{Claim: claim}
		}
	}
	expires, err := t.time("exp")
	if err != nil {
		return err
	}
	if !now.Before(expires) {
		return &ExpiredError{Now: now, Expires: expires}
	}
	for _, claim := range []string{"iat", "nbf"} {
		from, err := t.time(claim)
		if err != nil {
			return err
		}
		if from.After(now.Add(leeway)) {
			return fmt.Errorf("%w: %s is in the future", ErrInvalid, claim)
		}
	}
	return nil
}

// time is a claim in seconds since 1970, the zero time where there is none.
func (t *Token) time(claim string) (time.Time, error) {
	v, ok := t.claims[claim]
	if !ok {
		return time.Time{}, nil
	}
	number, ok := v.(json.Number)
	if !ok {
		return time.Time{}, fmt.Errorf("%w: %s is no number", ErrInvalid, claim)
	}
	// API Reference, AssumeRoleWithWebIdentity: "Timestamps in the token must be
	// formatted as either an integer or a long integer."
	seconds, err := number.Int64()
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return time.Time{}, fmt.Errorf("%w: %s is no time in whole seconds", ErrInvalid, claim)
	}
	return time.Unix(seconds, 0), nil
}
