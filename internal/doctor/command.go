package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// command is one line "aws SERVICE OPERATION --name value …" of a fix.
type command struct {
	service, operation string
	options            []option
	owner              string // of the policy that it changes, once asked for
}

type option struct {
	name   string // without "--"
	values []string
}

// newCommand makes "aws service operation" with names and values in turn;
// options with an empty value are left out.
func newCommand(service, operation string, namesAndValues ...string) *command {
	c := &command{service: service, operation: operation}
	for pair := range slices.Chunk(namesAndValues, 2) {
		if pair[1] != "" {
			c.options = append(c.options, option{name: pair[0], values: pair[1:2]})
		}
	}
	return c
}

// newFlag is an option without a value.
func newFlag(name string) option { return option{name: name} }

func (c *command) has(name string) bool {
	return slices.ContainsFunc(c.options, func(o option) bool { return o.name == name })
}

func (c *command) get(name string) string {
	for i := range c.options {
		if c.options[i].name == name && len(c.options[i].values) > 0 {
			return c.options[i].values[0]
		}
	}
	return ""
}

func (c *command) set(name, value string) {
	for i := range c.options {
		if c.options[i].name == name {
			c.options[i].values = []string{value}
			return
		}
	}
	c.options = append(c.options, option{name: name, values: []string{value}})
}

func (c *command) is(service, operation string) bool {
	return c.service == service && c.operation == operation
}

// String is the line for a POSIX shell.
func (c *command) String() string {
	words := []string{"aws", c.service, c.operation}
	for i := range c.options {
		words = append(words, "--"+c.options[i].name)
		words = append(words, c.options[i].values...)
	}
	return grants.Command(words...)
}

// parseCommand reads a line that String or package grants wrote.
func parseCommand(line string) (*command, error) {
	words, err := shellWords(line)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", line, err)
	}
	if len(words) < 3 || words[0] != "aws" {
		return nil, fmt.Errorf("%q is no command of the aws CLI", line)
	}
	c := &command{service: words[1], operation: words[2]}
	for _, word := range words[3:] {
		name, isOption := strings.CutPrefix(word, "--")
		switch {
		case isOption && name != "":
			c.options = append(c.options, option{name: name})
		case len(c.options) == 0:
			return nil, fmt.Errorf("%q: %q belongs to no option", line, word)
		default:
			last := &c.options[len(c.options)-1]
			last.values = append(last.values, word)
		}
	}
	return c, nil
}

// shellWords splits a line as a POSIX shell does, as far as quotes and
// backslashes go. Whatever else a shell would act on is refused.
func shellWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case quote == '\'' && r != '\'', quote == '"' && r != '"' && r != '\\' && r != '$' && r != '`':
			word.WriteRune(r)
		case quote != 0 && r == quote:
			quote = 0
		case r == '\\' && i+1 < len(runes):
			i++
			inWord = true
			word.WriteRune(runes[i])
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		case strings.ContainsRune("$`|&;<>()*?[]#~\n", r):
			return nil, fmt.Errorf("%q has a meaning for the shell there", r)
		default:
			inWord = true
			word.WriteRune(r)
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
