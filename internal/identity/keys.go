package identity

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// NewAccessKeyID makes an access key id: the prefix ("AKIA" or "ASIA") and 16
// characters that hold the account, as AWS's ids have done since 2019: the low
// 47 of the first 48 bits are the account, shifted by seven.
func NewAccessKeyID(random io.Reader, prefix, account string) (string, error) {
	number, err := strconv.ParseUint(account, 10, 40)
	if err != nil || len(account) != 12 {
		return "", fmt.Errorf("account %q must be 12 digits", account)
	}
	var raw [16]byte
	if _, err := io.ReadFull(random, raw[6:]); err != nil {
		return "", err
	}
	head := 1<<47 | number<<7 | uint64(raw[15]&0x7f)
	var first [8]byte
	binary.BigEndian.PutUint64(first[:], head)
	copy(raw[:6], first[2:])
	return prefix + base32.StdEncoding.EncodeToString(raw[:10]), nil
}

// AccountOfKey reads the account out of an access key id; ok is false for ids
// of another form, among them those that AWS made before 2019.
func AccountOfKey(id string) (account string, ok bool) {
	if len(id) != 20 {
		return "", false
	}
	raw, err := base32.StdEncoding.DecodeString(id[4:])
	if err != nil || raw[0] < 0x80 {
		return "", false
	}
	head := binary.BigEndian.Uint64(append([]byte{0, 0}, raw[:6]...))
	number := head >> 7 & (1<<40 - 1)
	if number > 999_999_999_999 {
		return "", false
	}
	return fmt.Sprintf("%012d", number), true
}

// NewSecret makes a secret access key: 40 characters.
func NewSecret(random io.Reader) (string, error) {
	var raw [30]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(raw[:]), nil
}

// NewID makes the id of an IAM entity: a prefix such as "AROA" and 17
// characters.
func NewID(random io.Reader, prefix string) (string, error) {
	var raw [11]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", err
	}
	return prefix + base32.StdEncoding.EncodeToString(raw[:])[:17], nil
}
