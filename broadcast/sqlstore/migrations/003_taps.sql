-- +goose Up
-- Reactions that go under a message, with blanks between them.
ALTER TABLE deliveries ADD COLUMN taps TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE deliveries DROP COLUMN taps;
