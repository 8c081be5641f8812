package stagedoor

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/awswire/sigv4"
	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/gateway"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/identity"
)

// callers tells the data plane who signs requests to APIs, and what applies to
// them.
type callers struct {
	identity *identity.Identity
	policies *grants.Callers
	now      func() time.Time
}

// executeAPI is the service that requests to APIs are signed for.
const executeAPI = "execute-api"

// executeAPISkew is how far the clocks may be apart: a request six minutes old
// is refused with "Signature expired: … - 5 min." (mhart/aws4#118).
const executeAPISkew = 5 * time.Minute

// Authenticate checks scope and time of every signature, and the signature
// itself of every key that was issued here; "test" and 12-digit keys are roots,
// whose secret nobody knows.
func (c callers) Authenticate(r *http.Request, body []byte, region string) (*gateway.Caller, error) {
	signature, err := sigv4.Parse(r)
	if err == nil {
		err = signature.Check(sigv4.Options{Now: c.now(), Skew: executeAPISkew, Service: executeAPI, Region: region})
	}
	if err != nil {
		return nil, credentialError(err)
	}
	ctx, err := c.identity.Authenticate(r.Context(), &awswire.Request{HTTP: r, Body: body, Payload: body, Service: executeAPI, Signed: signature.Service})
	if err != nil {
		return nil, withKey(credentialError(err), signature.AccessKeyID)
	}
	who := awswire.CallerFrom(ctx)
	return &gateway.Caller{
		Account: who.Account, Region: who.Region, ARN: who.ARN, UserID: who.UserID, AccessKeyID: who.AccessKeyID, Root: who.Root,
	}, nil
}

// Request gathers what applies to a caller.
func (c callers) Request(who *gateway.Caller, action, resource string, keys iampolicy.Context, now time.Time) *grants.CallerRequest {
	return c.policies.Request(&grants.Who{
		Account: who.Account, Region: who.Region, ARN: who.ARN, UserID: who.UserID, AccessKeyID: who.AccessKeyID, Root: who.Root,
	}, action, resource, keys, now)
}

// credentialError names a refusal of credentials as API Gateway answers it.
func credentialError(err error) *gateway.CredentialError {
	var signature *sigv4.Error
	var answer *awswire.Error
	switch {
	case errors.As(err, &signature):
		code, message, _ := signature.Answer(sigv4.RestJSON)
		return &gateway.CredentialError{Code: code, Message: message, AccessKeyID: signature.AccessKeyID}
	case errors.As(err, &answer):
		return &gateway.CredentialError{Code: answer.Code, Message: answer.Message}
	default:
		return &gateway.CredentialError{Code: "InvalidSignatureException", Message: err.Error()}
	}
}

func withKey(e *gateway.CredentialError, id string) *gateway.CredentialError {
	e.AccessKeyID = id
	return e
}

// explanations are the journal of refusals and, behind it, what the data plane
// can say about requests that led nowhere, which the journal does not hold.
type explanations struct {
	*grants.Grants
	gateway *gateway.Gateway
}

// Decision looks into the journal first.
func (e explanations) Decision(ctx context.Context, id string) (*grants.Decision, error) {
	found, err := e.Grants.Decision(ctx, id)
	if errors.Is(err, grants.ErrDecisionNotFound) {
		if lost := e.gateway.Explained(ctx, strings.TrimSpace(id)); lost != nil {
			return lost, nil
		}
	}
	return found, err
}
