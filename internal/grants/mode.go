package grants

import "fmt"

// Mode says what a refusal does.
type Mode string

// The modes of `stagedoor up --grants`.
const (
	Enforce Mode = "enforce" // refused as AWS refuses
	Warn    Mode = "warn"    // journalled and printed, but the call is made
	Off     Mode = "off"     // nothing is asked: every call is Allowed
)

// ParseMode reads the value of --grants.
func ParseMode(text string) (Mode, error) {
	switch m := Mode(text); m {
	case Enforce, Warn, Off:
		return m, nil
	case "":
		return Enforce, nil
	default:
		return "", fmt.Errorf("grants mode %q is none of enforce, warn, off: use --grants enforce (the default) to refuse as AWS does", text)
	}
}
