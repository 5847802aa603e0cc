/**
 * What a description's o= line (RFC 8866 §5.2) tells: the session, which an RTCPeerConnection keeps for all of its descriptions
 * (RFC 8829 §5.2.2), and together with the version a name for the one offer.
 * @param {string} sdp
 */
export function originOf(sdp) {
  const [, session, version] = /^o=\S+ (\S+) (\S+)/m.exec(sdp) ?? [];
  return session === undefined ? undefined : { session, offer: `${session} ${version}` };
}

/**
 * Gives an offer the DTLS role that this side has already, which RFC 8842 §5.5 allows, and leaves it open where there is none yet.
 * Firefox answers an offer that gathers anew with a role of its choice, though DTLS goes on; and browsers refuse another role than before.
 * @param {string} sdp
 * @param {Pick<RTCPeerConnection, "currentLocalDescription" | "currentRemoteDescription">} connection
 */
export function withRole(sdp, { currentLocalDescription: local, currentRemoteDescription: remote }) {
  const own = local?.type === "answer";
  const answered = /^a=setup:(active|passive)/m.exec((own ? local : remote)?.sdp ?? "")?.[1];
  if (answered === undefined) return sdp;
  const role = own === (answered === "active") ? "active" : "passive";
  return sdp.replaceAll("a=setup:actpass", `a=setup:${role}`);
}
