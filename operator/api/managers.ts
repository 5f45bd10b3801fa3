// Field managers of server-side apply. One per purpose, since an apply withdraws what the same manager said before and
// does not say again.

/** Annotations and generated objects. */
export const manager = 'kube-ovn-controller';

/** Vips from which backends are asked: what else is written to a Vip stays when nobody asks from it any more. */
export const checksManager = 'kube-ovn-checks';

/** Of every status. */
export const statusManager = 'kubeloom-status';

/** Values that are filled into a spec. */
export const defaultsManager = 'kube-ovn-defaults';

/** On every object that exists because something else does: who wants it. */
export const ownerAnnotation = 'kubeloom.io/owner';
