"""What every corpus file leans on: the contract, safe pictures, repeats, and the writing of pictures."""
