package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// problem is an error that a person can read and, mostly, mend.
type problem struct {
	Status   int
	Title    string
	Sentence string
	// Code is AWS's error code; "" where the error is not AWS's.
	Code string
	// Remedy says what to do, one sentence each; Commands do it.
	Remedy   []string
	Commands []string
	// To is where to go on; "" is the overview.
	To string
}

// Error implements error.
func (p *problem) Error() string { return p.Title + ": " + p.Sentence }

// describe turns an error into what a person is shown: AWS's own sentence where
// AWS refused, with what to do about it.
func describe(err error, v *visit) *problem {
	var p *problem
	var api smithy.APIError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &api):
		return describeAWS(api, v)
	case errors.Is(err, grants.ErrDecisionNotFound):
		return &problem{
			Status: http.StatusNotFound, Title: "This refusal is not remembered", Sentence: err.Error(),
			Remedy: []string{"The journal keeps the newest refusals. Send the request again, and it is there."},
		}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &problem{Status: http.StatusServiceUnavailable, Title: "This took too long", Sentence: "The request was given up before it was answered. Load the page again."}
	default:
		return &problem{
			Status: http.StatusInternalServerError, Title: "Something went wrong in stagedoor", Sentence: err.Error(),
			Remedy: []string{"The log of stagedoor says more. Nothing else is affected; if it happens again, please report it."},
		}
	}
}

func describeAWS(err smithy.APIError, v *visit) *problem {
	p := &problem{Status: http.StatusBadRequest, Code: err.ErrorCode(), Title: "AWS would refuse this", Sentence: err.ErrorMessage()}
	code := strings.TrimSuffix(p.Code, "Exception")
	switch {
	case strings.HasPrefix(code, "AccessDenied"), code == "UnauthorizedOperation", code == "Forbidden":
		p.Status, p.Title = http.StatusForbidden, "You may not do this"
		p.Remedy, p.Commands = allow(p.Sentence, v)
	case strings.HasSuffix(code, "NotFound"), code == "NoSuchEntity":
		p.Status, p.Title = http.StatusNotFound, "This does not exist (any more)"
		p.Remedy = []string{"It may have been deleted meanwhile, or lie in another region than " + v.region + "."}
	case strings.HasSuffix(code, "Conflict"), code == "EntityAlreadyExists":
		p.Status, p.Title = http.StatusConflict, "Something like this is there already"
	case strings.HasPrefix(code, "TooManyRequests"), strings.HasPrefix(code, "Throttling"):
		p.Status, p.Title = http.StatusTooManyRequests, "Too many at once"
		p.Remedy = []string{"Wait a moment and try again."}
	case code == "InvalidClientTokenId", code == "UnrecognizedClient", code == "SignatureDoesNotMatch", code == "ExpiredToken", code == "InvalidSignature":
		p.Status, p.Title = http.StatusForbidden, "These credentials are not accepted"
		p.Remedy = []string{"Sign out and sign in again: the key may have been deleted, or be over."}
	case err.ErrorFault() == smithy.FaultServer:
		p.Status, p.Title = http.StatusInternalServerError, "Something went wrong in stagedoor"
	}
	return p
}

// allow reads AWS's sentence of a refused caller, "User: ARN is not authorized to
// perform: ACTION on resource: RESOURCE because …", and says what would allow it.
func allow(sentence string, v *visit) (remedy, commands []string) {
	_, rest, found := strings.Cut(sentence, "is not authorized to perform: ")
	if !found {
		return []string{"Ask whoever administers the account " + v.s.Account + " for the permission."}, nil
	}
	action, after, _ := strings.Cut(rest, " ")
	resource := "*"
	if _, r, ok := strings.Cut(after, "on resource: "); ok {
		resource, _, _ = strings.Cut(r, " ")
	}
	resource = strings.TrimRight(resource, ".")
	remedy = []string{"Whoever administers the account can allow " + action + " to " + v.s.Name() + ". stagedoor why lists this refusal with the policies that were read."}
	user, isUser := strings.CutPrefix(v.s.Name(), "user/")
	if !isUser {
		return remedy, nil
	}
	user = user[strings.LastIndexByte(user, '/')+1:]
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{
		map[string]string{"Effect": "Allow", "Action": action, "Resource": resource},
	}})
	if err != nil {
		return remedy, nil
	}
	name := "allow-" + strings.NewReplacer(":", "-", "*", "all").Replace(action)
	return remedy, []string{command("iam", "put-user-policy", "--user-name", user, "--policy-name", name, "--policy-document", string(policy))}
}

// fail shows an error.
func (c *Console) fail(w http.ResponseWriter, v *visit, err error) {
	p := describe(err, v)
	if p.Status >= http.StatusInternalServerError {
		c.o.Logger.Error("console", "path", v.r.URL.Path, "error", err)
	}
	if p.To == "" {
		p.To = overviewURL()
	}
	c.show(w, v, &page{Title: p.Title, Template: "error", Status: p.Status, Body: p, Bare: v.s.ARN == ""})
}

// command is a line for a shell.
func command(words ...string) string { return grants.Command(append([]string{"aws"}, words...)...) }

// foldFrom is the length from which a command is folded.
const foldFrom = 80

// folded puts the options of a long command on lines of their own, but for the
// first. A shell reads it as it read the one line.
func folded(line string) string {
	if len(line) < foldFrom || strings.Contains(line, "\n") {
		return line
	}
	var b strings.Builder
	var quote byte
	options := 0
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote == '"' && c == '\\':
			b.WriteByte(c)
			i++
			if i == len(line) {
				return line
			}
			c = line[i]
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == '\\' && i+1 < len(line):
			b.WriteByte(c)
			i++
			c = line[i]
		case quote == 0 && strings.HasPrefix(line[i:], " --"):
			if options++; options > 1 {
				b.WriteString(" \\\n ")
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}
