//go:build !linux

package app

import "runtime/debug"

// tidyUp gives back the memory that only the start has needed.
func tidyUp() { debug.FreeOSMemory() }
