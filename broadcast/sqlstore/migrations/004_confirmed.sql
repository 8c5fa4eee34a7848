-- +goose Up
-- Whether an answer leaves no doubt that it is meant. Those of before were taken
-- as they came.
ALTER TABLE answers ADD COLUMN confirmed BIGINT NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE answers DROP COLUMN confirmed;
