package console

import (
	"os/exec"
	"testing"
)

// A folded command is the same command to a shell.
func TestFolded(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("sh is missing")
	}
	for _, line := range []string{
		command("lambda", "add-permission", "--region", "us-east-1", "--function-name", "my-function-dev", "--statement-id", "api", "--source-arn", "arn:aws:execute-api:us-east-1:000000000000:a1b2c3/*/GET/{id}"),
		command("iam", "put-user-policy", "--user-name", "ada", "--policy-document", `{"Statement":[{"Sid":"it's --here \"quoted\" \\"}]}`, "--policy-name", "a --b"),
		"aws short --one 1 --two 2",
	} {
		words := func(text string) string {
			out, err := exec.Command(shell, "-c", "printf '%s|' "+text).Output()
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		}
		if got, want := words(folded(line)), words(line); got != want {
			t.Errorf("%s\nis %q, want %q", folded(line), got, want)
		}
	}
	const line = `aws lambda add-permission --region us-east-1 --function-name my-function-dev --statement-id "a --b"`
	const want = "aws lambda add-permission --region us-east-1 \\\n  --function-name my-function-dev \\\n  --statement-id \"a --b\""
	if got := folded(line); got != want {
		t.Errorf("got %s", got)
	}
}
