package promote

import "strconv"

// nextVersion is a guess at the number that Lambda gives next: one more than
// the last that is there.
func nextVersion(versions []string) string {
	most := 0
	for _, v := range versions {
		if n, err := strconv.Atoi(v); err == nil {
			most = max(most, n)
		}
	}
	return strconv.Itoa(most + 1)
}

const latest = "$LATEST"

func isVersion(qualifier string) bool {
	_, err := strconv.Atoi(qualifier)
	return err == nil
}

func isLatest(qualifier string) bool { return qualifier == "" || qualifier == latest }
