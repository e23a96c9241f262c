// What texts of HTTP look like, where options name them.

/** The name of a cookie, or a header (RFC 9110, 5.6.2). */
export const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

// RFC 6265bis: a cookie's path and domain hold no control character and no semicolon.
export const COOKIE_PATH = /^\/[ -:=-~]*$/;
export const COOKIE_DOMAIN =
  /^\.?([\dA-Za-z]([\dA-Za-z-]{0,61}[\dA-Za-z])?\.)*[\dA-Za-z]([\dA-Za-z-]{0,61}[\dA-Za-z])?$/;
