"""Reading narrative text: what is written in it, whatever the writing looks like."""
