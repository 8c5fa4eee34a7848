//go:build container

package app

// An image with nothing else in it lacks the certificates of the authorities.
// Elsewhere the system has them, and these would cost a megabyte of memory.
import _ "golang.org/x/crypto/x509roots/fallback"
