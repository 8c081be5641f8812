package promote

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// A function that was deleted takes its part of the journal along, and with it
// the name of the next function. So does one that was made anew under the same
// name, and a tag that somebody edited. Then the other functions are found by
// their tags, what cannot be put back is named, and all the rest is undone: a
// stage must never be left with a promotion that can neither be gone on with
// nor undone.

// gather reads a promotion's functions, and where the chain is broken finds the
// others among all functions of the region. What is not found is in r.Lost.
func (w *work) gather(ctx context.Context, r *Record) error {
	whole, err := w.follow(ctx, r)
	if err != nil || whole || r.State == Preparing {
		return err // nothing has changed yet while it is prepared
	}
	if len(r.Functions)+len(r.missing) >= r.Count && len(r.missing) > 0 {
		r.stillLost() // there are no others
		return nil
	}
	known := map[string]bool{}
	for i := range r.Functions {
		known[r.Functions[i].Function] = true
	}
	names, err := w.allFunctions(ctx)
	if err != nil {
		return fmt.Errorf("a function of promotion %s is gone; looking for the others: %w", r.ID, err)
	}
	names = slices.DeleteFunc(slices.Clone(names), func(arn string) bool { return known[arn] })
	found := make([]*FunctionRecord, len(names))
	err = each(ctx, atOnce, indexes(names), func(ctx context.Context, i int) error {
		tags, err := w.functionTags(ctx, names[i])
		if code(err) == notFound { // deleted between the list and now
			return nil
		}
		if f, ok := readFunction(r.ID, names[i], tags); ok && err == nil {
			found[i] = &f
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("a function of promotion %s is gone; looking for the others by their tags: %w", r.ID, err)
	}
	for _, f := range found {
		if f != nil {
			r.Functions = append(r.Functions, *f)
		}
	}
	slices.SortFunc(r.Functions, func(a, b FunctionRecord) int { return strings.Compare(a.Function, b.Function) })
	r.stillLost()
	return nil
}

// stillLost drops from r.Lost what was found after all, and counts what nobody
// names any more.
func (r *Record) stillLost() {
	for i := range r.Functions {
		delete(r.missing, r.Functions[i].Function)
	}
	for _, arn := range slices.Sorted(maps.Keys(r.missing)) {
		r.Lost = append(r.Lost, r.missing[arn])
	}
	if n := r.Count - len(r.Functions) - len(r.missing); n > 0 {
		r.Lost = append(r.Lost, fmt.Sprintf("%s of promotion %s cannot be found any more: their code cannot be restored", count(n, "more function"), r.ID))
	}
}

const notFound = "ResourceNotFoundException"

func deletedText(arn string) string {
	return short(arn) + " was deleted meanwhile: its code cannot be restored"
}

func forgottenText(arn, id string) string {
	return fmt.Sprintf("the tags of %s do not tell of promotion %s any more (made anew, or edited): its code cannot be restored", short(arn), id)
}

// miss notes a function whose part of the journal is gone.
func (r *Record) miss(arn, text string) {
	if r.missing == nil {
		r.missing = map[string]string{}
	}
	r.missing[arn] = text
}

// allFunctions lists the functions of the stage's region, once.
func (w *work) allFunctions(ctx context.Context) ([]string, error) {
	if w.all != nil {
		return w.all, nil
	}
	clients := w.place.Clients
	all, in := []string{}, &lambda.ListFunctionsInput{}
	for {
		page, err := call(ctx, w.calls, clients.Functions(clients.Region).ListFunctions, in)
		if err != nil {
			return nil, err
		}
		for i := range page.Functions {
			all = append(all, aws.ToString(page.Functions[i].FunctionArn))
		}
		if page.NextMarker == nil {
			break
		}
		in = &lambda.ListFunctionsInput{Marker: page.NextMarker}
	}
	w.all = all
	return all, nil
}

// isFunction reports whether text is the ARN of a function: a tag may hold
// anything.
func isFunction(text string) bool {
	return strings.HasPrefix(text, "arn:") && part(text, 2) == "lambda" && part(text, 3) != "" && part(text, 4) != "" && part(text, 5) == "function" && part(text, 6) != ""
}

func indexes[T any](list []T) []int {
	out := make([]int, len(list))
	for i := range out {
		out[i] = i
	}
	return out
}

// lostText is what the history says of a promotion that was undone but for
// something: the first loss, how many others there are, and why it was undone.
func lostText(lost []string, reason string) string {
	text := lost[0]
	if n := len(lost) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	if reason != "" {
		text += "; " + reason
	}
	return text
}

// gone are the answers of AWS that say that what was to be put back, or what it
// was to be made of, is there no more.
func gone(err error) bool {
	return slices.Contains([]string{notFound, "NotFoundException", "InvalidParameterValueException", "BadRequestException"}, code(err))
}
