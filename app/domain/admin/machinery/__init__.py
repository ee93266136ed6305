"""The pages of the house's own machinery: a file each."""
