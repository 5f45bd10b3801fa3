// Field managers of server-side apply. One per purpose, since an apply withdraws what the same manager said before and
// does not say again.

/** Annotations and generated objects. */
export const manager = 'kube-ovn-controller';

/** Values that are filled into a spec. */
export const defaultsManager = 'kube-ovn-defaults';
