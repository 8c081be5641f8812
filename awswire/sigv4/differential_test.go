package sigv4_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stagedoor/stagedoor/awswire/sigv4"
	"pgregory.net/rapid"
)

var signedAt = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// received is the request as the server sees it: written to the wire and read
// from it.
func received(t interface{ Fatal(...any) }, r *http.Request) *http.Request {
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func hash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// signed is one random request, signed by the SDK, and what it was signed with.
type signed struct {
	request *http.Request // as received
	body    []byte
	creds   aws.Credentials
	service string
}

func drawSigned(t *rapid.T) signed {
	method := rapid.SampledFrom([]string{"GET", "PUT", "POST", "DELETE", "PATCH", "HEAD"}).Draw(t, "method")
	service := rapid.SampledFrom([]string{"lambda", "apigateway", "iam", "s3", "logs"}).Draw(t, "service")
	text := rapid.StringOfN(rapid.RuneFrom([]rune("abzAZ09-_.~ +&=%/:;,!$'()*@#?[]{}|\\^`<>\"äß日")), 0, 12, -1)
	path := ""
	for _, segment := range rapid.SliceOfN(text, 0, 4).Draw(t, "path") {
		path += "/" + url.PathEscape(segment)
	}
	query := url.Values{}
	for _, name := range rapid.SliceOfN(text, 0, 4).Draw(t, "names") {
		query.Add(name, text.Draw(t, "value"))
	}
	body := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "body")
	if method == "GET" || method == "HEAD" {
		body = nil
	}
	target, err := url.Parse("http://" + rapid.SampledFrom([]string{"localhost:4566", "lambda.us-east-1.amazonaws.com", "127.0.0.1:80"}).Draw(t, "host") + path)
	if err != nil {
		t.Fatal(err)
	}
	target.RawQuery = query.Encode()
	r, err := http.NewRequest(method, target.String(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	header := rapid.StringOfN(rapid.RuneFrom([]rune("ab  ,;=\"")), 0, 12, -1)
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"X-Amz-Target", "Content-Type", "X-Amz-Meta-A", "X-Custom", "X-Amz-Client-Context"}), 0, 4, rapid.ID[string]).Draw(t, "headers") {
		r.Header.Set(name, "v"+header.Draw(t, "header"))
	}
	creds := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: text.Draw(t, "secret") + "x", SessionToken: rapid.SampledFrom([]string{"", "TOKEN/+="}).Draw(t, "token")}
	payload := hash(body)
	if service == "s3" {
		payload = rapid.SampledFrom([]string{payload, sigv4.UnsignedPayload}).Draw(t, "payload")
		r.Header.Set("X-Amz-Content-Sha256", payload)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	if rapid.Bool().Draw(t, "presigned") {
		uri, headers, err := signer.PresignHTTP(context.Background(), creds, r, payload, service, "eu-west-1", signedAt)
		if err != nil {
			t.Fatal(err)
		}
		if r.URL, err = url.Parse(uri); err != nil {
			t.Fatal(err)
		}
		for name, values := range headers {
			r.Header[name] = values
		}
	} else if err := signer.SignHTTP(context.Background(), creds, r, payload, service, "eu-west-1", signedAt); err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return signed{received(t, r), body, creds, service}
}

func (s signed) verify(r *http.Request, body []byte, secret string) error {
	_, err := sigv4.Verify(r, func(id string) (string, string, error) {
		if id != s.creds.AccessKeyID {
			return "", "", sigv4.UnknownKey(id)
		}
		return secret, s.creds.SessionToken, nil
	}, sigv4.Options{Now: signedAt.Add(10 * time.Minute), Service: s.service, Region: "eu-west-1", PayloadHash: hash(body)})
	return err
}

// Every request that the SDK signs is accepted, and no longer when the secret
// or a signed part of it is another.
func TestAgainstSDKSigner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSigned(t)
		if err := s.verify(s.request, s.body, s.creds.SecretAccessKey); err != nil {
			t.Fatalf("%s %s\n%v", s.request.Method, s.request.RequestURI, err)
		}
		var refused *sigv4.Error
		if err := s.verify(s.request, s.body, s.creds.SecretAccessKey+"y"); !errors.As(err, &refused) || refused.Kind != sigv4.Mismatch {
			t.Fatalf("wrong secret: %v", err)
		}
		other := s.request.Clone(context.Background())
		other.Host = "other.example"
		if err := s.verify(other, s.body, s.creds.SecretAccessKey); err == nil {
			t.Fatal("accepted under another host")
		}
		other = s.request.Clone(context.Background())
		other.Method = "OPTIONS"
		if err := s.verify(other, s.body, s.creds.SecretAccessKey); err == nil {
			t.Fatal("accepted with another method")
		}
		sig, err := sigv4.Parse(s.request)
		if err != nil {
			t.Fatal(err)
		}
		unsigned := sig.ContentSHA256 == sigv4.UnsignedPayload || sig.Presigned && s.service == "s3" && sig.ContentSHA256 == ""
		if err := s.verify(s.request, append(s.body, 'x'), s.creds.SecretAccessKey); err == nil && !unsigned {
			t.Fatal("accepted with another body")
		}
		scope, ok := sigv4.ScopeOf(s.request)
		want := sigv4.Scope{AccessKeyID: "AKIDEXAMPLE", Date: "20261122", Region: "eu-west-1", Service: s.service}
		if !ok || scope != want {
			t.Fatalf("ScopeOf = %+v, %v", scope, ok)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	body := []byte(strings.Repeat("x", 600))
	r, _ := http.NewRequest("POST", "http://localhost:4566/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Amy-function/invocations?Qualifier=live", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Amz-Client-Context", "e30=")
	creds := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	if err := v4.NewSigner().SignHTTP(context.Background(), creds, r, hash(body), "lambda", "us-east-1", signedAt); err != nil {
		b.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	got := received(b, r)
	lookup := func(string) (string, string, error) { return creds.SecretAccessKey, "", nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sigv4.Verify(got, lookup, sigv4.Options{Now: signedAt, Service: "lambda", PayloadHash: hash(body)}); err != nil {
			b.Fatal(err)
		}
	}
}
