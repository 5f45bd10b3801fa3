// Thrown by a derivation whose input cannot be used now although it could be before: what it wanted stays as it is, in
// this process and in the databases. The user is told by a problem that another derivation yields.

export class Withheld extends Error {
  override readonly name = 'Withheld';
}
