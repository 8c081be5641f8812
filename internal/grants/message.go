package grants

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// An encoded message says of a refusal what STS's DecodeAuthorizationMessage
// answers: compressed, sealed with a key of the store (AES-256-GCM), bound to the
// caller's account. Whoever holds one learns nothing from it without the
// permission to have it decoded, which is the point of it.

const (
	messageVersion = 1
	// messageMost is what DecodeAuthorizationMessage takes (model). A refusal
	// that does not fit has no message.
	messageMost = 10240
	// decodedMost bounds what a message may unpack to.
	decodedMost = 1 << 20
)

// decodedMessage is the document that AWS describes (STS API Reference,
// DecodeAuthorizationMessage; aws/aws-sdk-go#1536 shows one).
type decodedMessage struct {
	Allowed      bool                   `json:"allowed"`
	ExplicitDeny bool                   `json:"explicitDeny"`
	Matched      items[messageMatch]    `json:"matchedStatements"`
	Failures     items[struct{}]        `json:"failures"`
	Context      decodedMessageContexts `json:"context"`
}

type items[T any] struct {
	Items []T `json:"items"`
}

type messageValue struct {
	Value string `json:"value"`
}

type messageCondition struct {
	Key    string              `json:"key"`
	Values items[messageValue] `json:"values"`
}

type messageMatch struct {
	StatementID     string                  `json:"statementId"`
	Effect          string                  `json:"effect"`
	Principals      items[messageValue]     `json:"principals"`
	PrincipalGroups items[messageValue]     `json:"principalGroups"`
	Actions         items[messageValue]     `json:"actions"`
	Resources       items[messageValue]     `json:"resources"`
	Conditions      items[messageCondition] `json:"conditions"`
}

type decodedMessageContexts struct {
	Principal  messagePrincipal        `json:"principal"`
	Action     string                  `json:"action"`
	Resource   string                  `json:"resource"`
	Conditions items[messageCondition] `json:"conditions"`
}

type messagePrincipal struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	ARN  string `json:"arn"`
}

func valuesOf(list []string) items[messageValue] {
	out := items[messageValue]{Items: []messageValue{}}
	for _, v := range list {
		out.Items = append(out.Items, messageValue{v})
	}
	return out
}

// message is what the refusal's encoded message says.
func (r *CallerRefusal) message(d *Decision) *decodedMessage {
	q := &r.Request.Request
	m := &decodedMessage{
		ExplicitDeny: r.Verdict.Basis == ExplicitDeny,
		Matched:      items[messageMatch]{Items: []messageMatch{}}, Failures: items[struct{}]{Items: []struct{}{}},
		Context: decodedMessageContexts{
			Principal: messagePrincipal{ID: q.Principal.UniqueID, ARN: q.Principal.ID, Name: q.Principal.ID[strings.LastIndexByte(q.Principal.ID, '/')+1:]},
			Action:    q.Action, Resource: q.Resource, Conditions: items[messageCondition]{Items: []messageCondition{}},
		},
	}
	for _, k := range q.Context {
		m.Context.Conditions.Items = append(m.Context.Conditions.Items, messageCondition{k.Name, valuesOf(k.Values)})
	}
	for i := range d.Statements {
		if s := &d.Statements[i]; s.Matched && s.Effect == iampolicy.Deny && m.ExplicitDeny {
			m.Matched.Items = append(m.Matched.Items, matchOf(s, q.Principal.UniqueID))
		}
	}
	return m
}

func matchOf(s *Statement, principal string) messageMatch {
	m := messageMatch{
		StatementID: s.Sid, Effect: strings.ToUpper(s.Effect.String()), Principals: valuesOf([]string{principal}), PrincipalGroups: valuesOf(nil),
		Actions: valuesOf(nil), Resources: valuesOf(nil), Conditions: items[messageCondition]{Items: []messageCondition{}},
	}
	for i := range s.Elements {
		switch e := &s.Elements[i]; e.Element {
		case "Action", "NotAction":
			m.Actions = valuesOf(e.Want)
		case "Resource", "NotResource":
			m.Resources = valuesOf(e.Want)
		case "Condition":
			m.Conditions.Items = append(m.Conditions.Items, messageCondition{e.Key, valuesOf(e.Want)})
		}
	}
	return m
}

// encodeMessage seals what the refusal's message says; "" where there is no
// store to keep a key in, or no room.
func (g *Grants) encodeMessage(r *CallerRefusal, d *Decision) string {
	if g.store == nil {
		return ""
	}
	text, err := g.seal(context.Background(), r.Request.Request.Principal.Account, r.message(d))
	if err != nil {
		g.log.Warn("the message of a refusal could not be encoded", "operation", r.Operation, "error", err)
		return ""
	}
	if len(text) > messageMost {
		return ""
	}
	return text
}

func (g *Grants) seal(ctx context.Context, account string, m *decodedMessage) (string, error) {
	box, err := g.messageBox(ctx)
	if err != nil {
		return "", err
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return "", err
	}
	if err := errors.Join(json.NewEncoder(w).Encode(m), w.Close()); err != nil {
		return "", err
	}
	head := make([]byte, 1+box.NonceSize(), 1+box.NonceSize()+packed.Len()+box.Overhead())
	head[0] = messageVersion
	_, _ = rand.Read(head[1:]) // never fails
	return base64.RawURLEncoding.EncodeToString(box.Seal(head, head[1:], packed.Bytes(), messageScope(account))), nil
}

func messageScope(account string) []byte { return []byte("authorization message " + account) }

// DecodeMessage opens a message that was encoded for an account, on this node
// or another of the same store. ok is false for anything else.
//
// unverified: that AWS decodes for one account what it encoded for it only
func (c *Callers) DecodeMessage(account, message string) (decoded string, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(message)
	if err != nil || strings.ContainsAny(message, "\r\n") { // DecodeString skips line breaks; AWS refuses them (API Reference)
		return "", false
	}
	box, err := c.g.messageBox(context.Background())
	if err != nil || len(raw) < 1+box.NonceSize() || raw[0] != messageVersion {
		return "", false
	}
	nonce, sealed := raw[1:1+box.NonceSize()], raw[1+box.NonceSize():]
	packed, err := box.Open(nil, nonce, sealed, messageScope(account))
	if err != nil {
		return "", false
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), decodedMost))
	return strings.TrimSpace(string(text)), err == nil
}

// messageBox seals and opens messages with the store's key, which is made when
// the first message is.
func (g *Grants) messageBox(ctx context.Context) (cipher.AEAD, error) {
	rec, _, err := store.Get[state.MessageSecret](g.store, state.MessageKey)
	if errors.Is(err, store.ErrNotFound) {
		fresh := &state.MessageSecret{Key: make([]byte, 32)}
		_, _ = rand.Read(fresh.Key) // never fails
		rec = fresh
		if _, err = store.Create(ctx, g.store, state.MessageKey, fresh); errors.Is(err, store.ErrExists) { // another node was quicker
			rec, _, err = store.Get[state.MessageSecret](g.store, state.MessageKey)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("key of encoded messages: %w", err)
	}
	block, err := aes.NewCipher(rec.Key)
	if err != nil {
		return nil, fmt.Errorf("key of encoded messages: %w", err)
	}
	return cipher.NewGCM(block)
}
