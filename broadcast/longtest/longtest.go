// Package longtest says how much of a long test suite runs. Some try every moment
// at which the program may be killed, or every place where something may break,
// which takes minutes. Unless ANPI_TEST_LONG=1 is set, such a suite takes a
// sample: the same one each time.
package longtest

import "os"

// Whole reports whether the long suites run whole.
func Whole() bool { return os.Getenv("ANPI_TEST_LONG") == "1" }

// Every is the step with which a suite goes through its cases: each of them
// when the long suites run whole, else one in n.
func Every(n int) int {
	if Whole() {
		return 1
	}
	return n
}
