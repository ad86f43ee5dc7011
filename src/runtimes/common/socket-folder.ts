const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;
const ROOT = 0;

/** What a host says of a folder; null where it knows no owners or modes. */
export interface FolderFacts {
  readonly mode: number | null;
  readonly uid: number | null;
}

export interface FolderFault {
  readonly message: string;
  /** What the operator does about it, to go on with after “expected”. */
  readonly cure: string;
}

/** @returns the folder of a socket's path: of a bare name the working folder */
export const folderOfSocket = (path: string): string => {
  const end = path.lastIndexOf('/');
  return end < 0 ? '.' : path.slice(0, end) || '/';
};

/**
 * Whether another user could take a socket out of its folder and put one of theirs in its place: then they would be asked in the
 * gateway's place. The folder's owner always can, and everybody who may write to it, unless the sticky bit (as of /tmp)
 * keeps their files apart. The group may write: it is the front's. One rule for every runtime that opens sockets.
 *
 * @param ownUid user id of this process; null where the host does not say
 * @returns null when nobody else could
 */
export const socketFolderFault = (
  folder: string,
  { mode, uid }: FolderFacts,
  ownUid: number | null,
): FolderFault | null => {
  if (mode !== null && (mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0)
    return {
      message: 'every user of this machine may replace files there',
      cure: `a folder closed to others: chmod o-w ${folder}`,
    };
  if (uid !== null && ownUid !== null && uid !== ownUid && uid !== ROOT)
    return {
      message: `its folder belongs to another user (uid ${uid}), who may replace files there`,
      cure: `a folder of root’s or of the gateway’s own: chown ${ownUid} ${folder}`,
    };
  return null;
};
