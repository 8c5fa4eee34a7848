package roster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-webdav/carddav"
)

const (
	maxCards  = 5000
	batchSize = 50
)

// State is what a sync keeps for the next one. Store it as JSON; the zero State
// is the one before the first sync.
type State struct {
	Books []Book `json:"books"`
}

// Book is one address book as it was last seen.
type Book struct {
	Path   string `json:"path"`
	Name   string `json:"name"`
	System bool   `json:"system,omitempty"`
	// Token is what the server calls this state of the book, "" = unknown.
	Token string `json:"token,omitempty"`
	// FullAt is when the complete list was last read.
	FullAt time.Time `json:"full_at"`
	// Cards by path on the server.
	Cards map[string]Entry `json:"cards"`
}

// Entry is one card of a book.
type Entry struct {
	ETag string `json:"etag"`
	// Card is the newest version that could be read, nil when none could.
	Card *Card `json:"card,omitempty"`
	// Problem is why a newer version could not be read, "" when it could.
	Problem string `json:"problem,omitempty"`
}

// Sync reads the configured address books and returns the State that follows
// prev. Only what changed is fetched, as far as the server can be trusted to
// know: on any doubt all cards are listed and compared by ETag.
//
// On an error next is prev, unchanged: a failed or partial answer deletes
// nobody. The error is one of the sentinels of this package where errors.Is
// finds one. prev is never written to.
func (s *Source) Sync(ctx context.Context, prev State, now time.Time) (next State, err error) {
	infos, err := s.configured(ctx, now)
	if err != nil {
		return prev, err
	}
	for _, info := range infos {
		var before Book
		if i := slices.IndexFunc(prev.Books, func(b Book) bool { return b.Path == info.Path }); i >= 0 {
			before = prev.Books[i]
		}
		book, err := s.syncBook(ctx, info, before, now)
		if err != nil {
			// The book may have moved.
			s.forget()
			return prev, fmt.Errorf("read address book %q: %w", info.Name, err)
		}
		next.Books = append(next.Books, book)
	}
	return next, nil
}

func (s *Source) syncBook(ctx context.Context, info BookInfo, before Book, now time.Time) (Book, error) {
	c, trusted, err := s.changes(ctx, before, now)
	if err != nil {
		return before, err
	}
	full := !trusted
	if full {
		if c, err = s.all(ctx, info, before); err != nil {
			return before, err
		}
	}
	book := Book{
		Path: info.Path, Name: info.Name, System: info.System,
		Token: c.token, FullAt: before.FullAt, Cards: maps.Clone(before.Cards),
	}
	if book.Cards == nil {
		book.Cards = make(map[string]Entry)
	}
	if full {
		book.FullAt = now
	}
	for _, href := range c.gone {
		delete(book.Cards, href)
	}
	var changed []string
	for href, etag := range c.etags {
		have, known := book.Cards[href]
		// A problem may have been the server's: look again once a day.
		if !known || etag == "" || have.ETag != etag || full && have.Problem != "" {
			changed = append(changed, href)
		}
	}
	slices.Sort(changed)
	if len(book.Cards)+countNew(book.Cards, changed) > maxCards {
		return before, fmt.Errorf("more than %d cards: %w", maxCards, ErrTooLarge)
	}
	for batch := range slices.Chunk(changed, batchSize) {
		if err := s.fetch(ctx, &book, batch, c.etags); err != nil {
			return before, err
		}
	}
	return book, nil
}

func countNew(have map[string]Entry, hrefs []string) int {
	n := 0
	for _, href := range hrefs {
		if _, known := have[href]; !known {
			n++
		}
	}
	return n
}

// A changeSet is what happened to a book since the state before.
type changeSet struct {
	token string
	etags map[string]string // path to ETag, "" = the server did not say
	gone  []string
}

// changes asks for what happened since the stored token. trusted is false when
// the answer is no proof: there is no token, the last complete list is old, the
// clock ran backwards, the server refused, or it gave another token without a
// change. The last is how Nextcloud answers a token that it does not know.
func (s *Source) changes(ctx context.Context, before Book, now time.Time) (c changeSet, trusted bool, err error) {
	if before.Token == "" || now.Before(before.FullAt) || now.Sub(before.FullAt) >= s.options.FullEvery {
		return c, false, nil
	}
	answer, err := s.dav.SyncCollection(ctx, before.Path, &carddav.SyncQuery{SyncToken: before.Token})
	if err != nil {
		if ctx.Err() != nil || hopeless(err) {
			return c, false, fmt.Errorf("ask for changes: %w", err)
		}
		return c, false, nil
	}
	c = changesIn(answer)
	if c.token == "" || c.token != before.Token && len(c.etags)+len(c.gone) == 0 {
		return c, false, nil
	}
	return c, true, nil
}

func changesIn(answer *carddav.SyncResponse) changeSet {
	c := changeSet{token: strings.TrimSpace(answer.SyncToken), etags: make(map[string]string), gone: answer.Deleted}
	for _, o := range answer.Updated {
		c.etags[o.Path] = o.ETag
	}
	return c
}

// all lists every card there is; gone are the ones of before that are not.
func (s *Source) all(ctx context.Context, info BookInfo, before Book) (changeSet, error) {
	c, err := s.listed(ctx, info)
	if err != nil {
		return c, fmt.Errorf("list all cards: %w", err)
	}
	for href := range before.Cards {
		if _, there := c.etags[href]; !there {
			c.gone = append(c.gone, href)
		}
	}
	return c, nil
}

// listed is every card in a book, by sync-collection if it can be had. A server
// that cuts it off (Nextcloud does for more than 2,500 cards) is asked by
// PROPFIND. The token then is the one that the book had when it was found: too
// old rather than too new, so that no change is missed.
func (s *Source) listed(ctx context.Context, info BookInfo) (changeSet, error) {
	answer, err := s.dav.SyncCollection(ctx, info.Path, &carddav.SyncQuery{})
	if err != nil && (ctx.Err() != nil || hopeless(err)) {
		return changeSet{}, err
	}
	if err == nil {
		if c := changesIn(answer); c.token != "" {
			return c, nil
		}
	}
	files, err := s.dav.ReadDir(ctx, info.Path, false)
	if err != nil {
		return changeSet{}, err
	}
	c := changeSet{token: info.token, etags: make(map[string]string)}
	whole := false
	for _, f := range files {
		if f.IsDir {
			whole = true
		} else {
			c.etags[f.Path] = f.ETag
		}
	}
	if !whole {
		// An empty answer would otherwise read as an empty book.
		return changeSet{}, errors.New("the answer does not even hold the book itself")
	}
	return c, nil
}

// fetch reads the cards of one batch into book. etags are those of the list
// that named them: when a card has changed since, the next sync sees that.
func (s *Source) fetch(ctx context.Context, book *Book, hrefs []string, etags map[string]string) error {
	missing := make(map[string]bool, len(hrefs))
	for _, href := range hrefs {
		missing[href] = true
	}
	objects, err := s.dav.MultiGetAddressBook(ctx, book.Path, &carddav.AddressBookMultiGet{
		Paths:       hrefs,
		DataRequest: carddav.AddressDataRequest{Props: wanted},
	})
	if err != nil && (ctx.Err() != nil || hopeless(err)) {
		return fmt.Errorf("fetch cards: %w", err)
	}
	// On any other error go-webdav gives nothing, because one card of the batch
	// was deleted or can't be read: all of them are fetched by themselves.
	for _, o := range objects {
		if missing[o.Path] {
			delete(missing, o.Path)
			card := readCard(o.Card, fileName(book, o.Path))
			book.Cards[o.Path] = Entry{ETag: etags[o.Path], Card: &card}
		}
	}
	for _, href := range slices.Sorted(maps.Keys(missing)) {
		if err := s.fetchOne(ctx, book, href, etags[href]); err != nil {
			return err
		}
	}
	return nil
}

// fetchOne reads one card as it is stored. Only a 404 removes it from book.
func (s *Source) fetchOne(ctx context.Context, book *Book, href, etag string) error {
	card, err := s.get(ctx, book, href)
	var status *statusError
	entry := Entry{ETag: etag, Card: book.Cards[href].Card}
	switch {
	case err == nil:
		entry.Card = &card
	case ctx.Err() != nil || hopeless(err) || errors.Is(err, errWebPage):
		return fmt.Errorf("fetch a card: %w", err)
	case errors.Is(err, ErrNotFound):
		delete(book.Cards, href)
		return nil
	case errors.Is(err, ErrForbidden):
		entry.Problem = "the server does not let this account read it"
	case errors.As(err, &status):
		entry.Problem = fmt.Sprintf("the server answers %d when asked for it", status.Status)
	default:
		entry.Problem = clean(err.Error())
	}
	book.Cards[href] = entry
	return nil
}

func (s *Source) get(ctx context.Context, book *Book, href string) (Card, error) {
	body, err := s.dav.Open(ctx, href)
	if err != nil {
		return Card{}, err
	}
	defer body.Close()
	raw, err := io.ReadAll(body)
	if err != nil {
		return Card{}, err
	}
	return parseCard(raw, fileName(book, href))
}

// fileName is the UID of a card that has none. In the system book the file is
// called after the back end and the user id: Database:alice.vcf.
func fileName(book *Book, href string) string {
	name := strings.TrimSuffix(path.Base(href), ".vcf")
	if _, user, ok := strings.Cut(name, ":"); ok && book.System {
		return user
	}
	return name
}
