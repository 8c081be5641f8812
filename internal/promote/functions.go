package promote

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/target"
)

// keep publishes a function's old code, and what moves in to it, and writes the
// function's part of the journal.
func (r *runner) keep(ctx context.Context, f *FunctionRecord, m *FunctionMove) error {
	return r.step(ctx, func(ctx context.Context) (string, error) {
		text := ""
		if m.Code != nil {
			version, err := r.publish(ctx, f.Function, f.OldCode, "before promotion "+r.record.ID)
			if err != nil {
				return "", err
			}
			f.OldVersion = version
			text = fmt.Sprintf("keep the code of %s as version %s", short(f.Function), version)
		} else if m.Publish {
			version, err := r.publish(ctx, f.Function, m.Aliases[0].Code, "promotion "+r.record.ID)
			if err != nil {
				return "", err
			}
			for i := range f.Aliases {
				if f.Aliases[i].New == "" {
					f.Aliases[i].New = version
				}
			}
			text = fmt.Sprintf("publish %s as version %s", short(f.Function), version)
		}
		if err := r.roomOnFunction(ctx, f); err != nil {
			return "", err
		}
		return text, r.tagFunction(ctx, f)
	})
}

// publish makes a version of $LATEST, if its code is what it should be. Without
// a change since the last version Lambda answers that one, so that a second try
// makes no second version (Lambda API, PublishVersion).
func (r *runner) publish(ctx context.Context, function, code256, description string) (string, error) {
	c := r.functions(function)
	in := &lambda.PublishVersionInput{FunctionName: &function, CodeSha256: &code256, Description: &description}
	out, err := call(ctx, r.w.calls, c.PublishVersion, in)
	for range settleTries {
		if code(err) != "ResourceConflictException" {
			break
		}
		if err = r.settled(ctx, function); err == nil {
			out, err = call(ctx, r.w.calls, c.PublishVersion, in)
		}
	}
	if err != nil {
		return "", fmt.Errorf("publishing %s: %w", short(function), err)
	}
	version := aws.ToString(out.Version)
	if out.State == types.StatePending { // in a VPC or with SnapStart it takes minutes
		err = r.settled(ctx, function+":"+version)
	}
	return version, err
}

func (r *runner) functions(arn string) target.FunctionReleases {
	return r.w.place.Functions(part(arn, 3))
}

func (r *runner) tagFunction(ctx context.Context, f *FunctionRecord) error {
	_, err := call(ctx, r.w.calls, r.functions(f.Function).TagResource, &lambda.TagResourceInput{Resource: &f.Function, Tags: f.tags(r.record.ID)})
	if err != nil {
		return fmt.Errorf("writing to the tags of %s: %w", short(f.Function), err)
	}
	return nil
}

// moveFunction gives a function its new code, and its aliases their versions.
func (r *runner) moveFunction(ctx context.Context, f *FunctionRecord, to phase) error {
	if f.NewCode != "" {
		err := r.step(ctx, func(ctx context.Context) (string, error) {
			return r.setCode(ctx, f.Function, f.OldCode, f.NewCode, f.Source)
		})
		if err != nil {
			return err
		}
	}
	for i := range f.Aliases {
		if err := r.step(ctx, func(ctx context.Context) (string, error) { return r.moveAlias(ctx, f, &f.Aliases[i], to) }); err != nil {
			return err
		}
	}
	return nil
}

// errForeign says that somebody else changed what a promotion was about to.
func errForeign(what, has string) error {
	return final("%s was changed by somebody else meanwhile: it is %s, neither what it was nor what it should become", what, has)
}

// setCode brings the code of source to a function, if it has the code it should
// have. RevisionId keeps out whoever changes it in the same moment.
func (r *runner) setCode(ctx context.Context, function, old, next, source string) (string, error) {
	for range settleTries {
		now, err := getFunction(ctx, r.w.place, r.w.calls, function)
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", short(function), err)
		}
		switch {
		case sha(now) == next:
			return "", r.settled(ctx, function)
		case sha(now) != old:
			return "", errForeign("The code of "+short(function), shortHash(sha(now)))
		}
		in := &lambda.UpdateFunctionCodeInput{FunctionName: &function, RevisionId: now.Configuration.RevisionId}
		size, err := r.fetch(ctx, in, source, next)
		if err != nil {
			return "", err
		}
		_, err = call(ctx, r.w.calls, r.functions(function).UpdateFunctionCode, in)
		switch code(err) {
		case "PreconditionFailedException", "ResourceConflictException":
			// Another update is under way, or this one was applied before.
			if err := r.settled(ctx, function); err != nil {
				return "", err
			}
			continue
		}
		if err != nil {
			return "", fmt.Errorf("changing the code of %s: %w", short(function), err)
		}
		if err := r.settled(ctx, function); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s has the code of %s (%s, %s)", short(function), short(source), shortHash(next), bytesText(size)), nil
	}
	return "", fmt.Errorf("the code of %s could not be changed: other updates of it went on and on", short(function))
}

// fetch puts the code of source into a request, and makes sure that it is the
// code that was planned for.
func (r *runner) fetch(ctx context.Context, in *lambda.UpdateFunctionCodeInput, source, hash string) (int64, error) {
	from, err := getFunction(ctx, r.w.place, r.w.calls, source)
	switch {
	case code(err) == "ResourceNotFoundException":
		return 0, final("%s is gone, which the code was to come from", short(source))
	case err != nil:
		return 0, fmt.Errorf("reading %s: %w", short(source), err)
	case sha(from) != hash:
		return 0, final("the code of %s changed since the promotion was planned", short(source))
	}
	if from.Configuration.PackageType == types.PackageTypeImage {
		in.ImageUri = aws.String(image(from))
		return from.Configuration.CodeSize, nil
	}
	if from.Code == nil || aws.ToString(from.Code.Location) == "" {
		return 0, final("Lambda does not say where the code of %s lies", short(source))
	}
	if in.ZipFile, err = r.download(ctx, *from.Code.Location); err != nil {
		return 0, fmt.Errorf("fetching the code of %s: %w", short(source), err)
	}
	sum := sha256.Sum256(in.ZipFile)
	if got := base64.StdEncoding.EncodeToString(sum[:]); got != hash {
		return 0, fmt.Errorf("the code of %s arrived damaged: its hash is %s and not %s", short(source), got, hash)
	}
	return int64(len(in.ZipFile)), nil
}

// download reads a package from the address that Lambda gave, as far as one may
// be large. The address holds a signature: it is not told.
func (r *runner) download(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("its address is no URL")
	}
	response, err := r.w.place.HTTP.Do(request)
	if err != nil {
		return nil, withoutURL(err, url)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer was %s", response.Status)
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(response.Body, maxPackage+1)); err != nil {
		return nil, withoutURL(err, url)
	}
	if b.Len() > maxPackage {
		return nil, final("it is larger than the %d bytes that Lambda takes in a request", maxPackage)
	}
	return b.Bytes(), nil
}

func withoutURL(err error, url string) error {
	address, _, _ := strings.Cut(url, "?")
	return fmt.Errorf("%s", strings.ReplaceAll(err.Error(), url, address))
}

// How long a function is waited for: an update takes seconds, that of a large
// image some minutes. The lock ends earlier, and ends the wait.
const (
	settleTries = 3
	settleFirst = 50 * time.Millisecond
	settleMost  = 2 * time.Second
)

// settled waits until no update of a function is under way. After an update of
// its code a function answers with the old one until LastUpdateStatus says
// Successful (Lambda developer guide, functions-states).
func (r *runner) settled(ctx context.Context, function string) error {
	wait := settleFirst
	for {
		now, err := getFunction(ctx, r.w.place, r.w.calls, function)
		if err != nil {
			return fmt.Errorf("reading %s: %w", short(function), err)
		}
		c := now.Configuration
		switch {
		case c.LastUpdateStatus == types.LastUpdateStatusFailed:
			return final("the update of %s failed: %s", short(function), aws.ToString(c.LastUpdateStatusReason))
		case c.State == types.StateFailed:
			return final("%s is in state Failed: %s", short(function), aws.ToString(c.StateReason))
		case c.LastUpdateStatus != types.LastUpdateStatusInProgress && c.State != types.StatePending:
			return nil
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, settleMost)
	}
}

// moveAlias gives an alias its version: as a whole, or the canary's share.
func (r *runner) moveAlias(ctx context.Context, f *FunctionRecord, a *AliasRecord, to phase) (string, error) {
	if a.New == "" {
		version, err := r.publish(ctx, f.Function, f.NewCode, "promotion "+r.record.ID)
		if err != nil {
			return "", err
		}
		a.New = version
		if err := r.tagFunction(ctx, f); err != nil {
			return "", err
		}
	}
	if to == whole || a.AtOnce {
		return r.setAlias(ctx, f.Function, a, a.New, nil)
	}
	return r.setAlias(ctx, f.Function, a, a.Old, map[string]float64{a.New: r.record.Canary / 100})
}

// setAlias points an alias at a version, with weights, if it is in one of the
// states that the promotion knows.
func (r *runner) setAlias(ctx context.Context, function string, a *AliasRecord, version string, weights map[string]float64) (string, error) {
	c := r.functions(function)
	for range settleTries {
		now, err := call(ctx, r.w.calls, c.GetAlias, &lambda.GetAliasInput{FunctionName: &function, Name: &a.Name})
		if err != nil {
			return "", fmt.Errorf("reading alias %s of %s: %w", a.Name, short(function), err)
		}
		has := weightsOf(&types.AliasConfiguration{RoutingConfig: now.RoutingConfig})
		at := aws.ToString(now.FunctionVersion)
		if at == version && maps.Equal(has, weights) {
			return "", nil
		}
		if !a.known(at, has) {
			return "", errForeign(fmt.Sprintf("Alias %s of %s", a.Name, short(function)), aliasText(at, has))
		}
		_, err = call(ctx, r.w.calls, c.UpdateAlias, &lambda.UpdateAliasInput{
			FunctionName: &function, Name: &a.Name, FunctionVersion: &version, RevisionId: now.RevisionId,
			RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: orEmpty(weights)},
		})
		switch code(err) {
		case "":
		case "PreconditionFailedException", "ResourceConflictException":
			continue
		}
		if err != nil {
			return "", fmt.Errorf("moving alias %s of %s: %w", a.Name, short(function), err)
		}
		return fmt.Sprintf("alias %s of %s: %s → %s", a.Name, short(function), aliasText(at, has), aliasText(version, weights)), nil
	}
	return "", errForeign(fmt.Sprintf("Alias %s of %s", a.Name, short(function)), "changing all the time")
}

// known reports whether an alias is as it was, as it should become, or between
// with the canary's weights.
func (a *AliasRecord) known(version string, weights map[string]float64) bool {
	_, canary := weights[a.New]
	switch {
	case version == a.Old && maps.Equal(weights, a.Weights), version == a.New && len(weights) == 0:
		return true
	}
	return version == a.Old && canary && len(weights) == 1
}

func orEmpty(weights map[string]float64) map[string]float64 {
	if weights == nil {
		return map[string]float64{}
	}
	return weights
}

func aliasText(version string, weights map[string]float64) string {
	text := "v" + version
	if version == latest {
		text = version
	}
	if len(weights) > 0 {
		text += " with " + weightsText(weights)
	}
	return text
}

func shortHash(hash string) string { return hash[:min(len(hash), 8)] }

func bytesText(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f kB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
