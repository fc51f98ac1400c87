// Gallery: the images of one class, chosen in a select box or by the address (#class=NAME).
{
}
