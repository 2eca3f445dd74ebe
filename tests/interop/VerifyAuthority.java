// What an authority makes, judged by BouncyCastle's own validators: paths with lists of revoked certificates,
// OCSP, time stamps, and the extensions of GM/T 0015.
//
//   java -cp … VerifyAuthority path SUBSCRIBER ISSUING ROOT ISSUING_CRL ROOT_CRL MILLIS
//                              ask CERTIFICATE ISSUER OUT           (writes a question, issuer named by SHA-1)
//                              answer ANSWER QUESTION CERTIFICATE ISSUER
//                              stamp-request DIGEST OUT             (writes a request)
//                              stamp RESPONSE REQUEST ISSUER
//                              extension CERTIFICATE OID
//
// Files are DER. Prints what it saw and ends with 0 when it holds, with 1 when it does not.

import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Collection;
import java.util.Date;
import java.util.List;
import java.util.Set;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1String;
import org.bouncycastle.asn1.ASN1TaggedObject;
import org.bouncycastle.asn1.BERTags;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERPrintableString;
import org.bouncycastle.asn1.gm.GMObjectIdentifiers;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.OCSPReq;
import org.bouncycastle.cert.ocsp.OCSPReqBuilder;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.SingleResp;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.DigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.tsp.TimeStampRequest;
import org.bouncycastle.tsp.TimeStampRequestGenerator;
import org.bouncycastle.tsp.TimeStampResponse;
import org.bouncycastle.tsp.TimeStampToken;

public final class VerifyAuthority {
    public static void main(String[] words) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        boolean holds = switch (words[0]) {
            case "path" -> path(words);
            case "ask" -> ask(holder(words[1]), holder(words[2]), Path.of(words[3]));
            case "answer" -> answer(words);
            case "stamp-request" -> stampRequest(read(words[1]), Path.of(words[2]));
            case "stamp" -> stamp(read(words[1]), read(words[2]), holder(words[3]));
            case "extension" -> extension(holder(words[1]), words[2]);
            default -> throw new IllegalArgumentException(words[0]);
        };
        System.out.println(holds ? "holds" : "does not hold");
        System.exit(holds ? 0 : 1);
    }

    private static byte[] read(String path) throws Exception {
        return Files.readAllBytes(Path.of(path));
    }

    private static X509CertificateHolder holder(String path) throws Exception {
        return new X509CertificateHolder(read(path));
    }

    // The whole of RFC 5280 as BouncyCastle has it, every certificate but the anchor against its list.
    private static boolean path(String[] words) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509", "BC");
        X509Certificate[] path = new X509Certificate[3];
        for (int index = 0; index < 3; index++) {
            byte[] der = read(words[1 + index]);
            path[index] = (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(der));
        }
        Object[] lists = new Object[2];
        for (int index = 0; index < 2; index++) {
            lists[index] = factory.generateCRL(new ByteArrayInputStream(read(words[4 + index])));
        }
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(path[2], null)));
        parameters.setRevocationEnabled(true);
        parameters.setDate(new Date(Long.parseLong(words[6])));
        parameters.addCertStore(
            CertStore.getInstance("Collection", new CollectionCertStoreParameters(Arrays.asList(lists)), "BC"));
        CertPath below = factory.generateCertPath(List.of(path[0], path[1]));
        try {
            CertPathValidator.getInstance("PKIX", "BC").validate(below, parameters);
            return true;
        } catch (CertPathValidatorException refused) {
            System.out.println(refused.getMessage());
            return false;
        }
    }

    private static DigestCalculatorProvider digests() throws Exception {
        return new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
    }

    private static boolean ask(X509CertificateHolder about, X509CertificateHolder issuer, Path out)
        throws Exception {
        CertificateID id =
            new CertificateID(digests().get(CertificateID.HASH_SHA1), issuer, about.getSerialNumber());
        byte[] nonce = new DEROctetString(new byte[] {1, 2, 3, 4, 5, 6, 7, 8}).getEncoded();
        Extension extension = new Extension(OCSPObjectIdentifiers.id_pkix_ocsp_nonce, false, nonce);
        OCSPReq question = new OCSPReqBuilder()
            .addRequest(id)
            .setRequestExtensions(new Extensions(extension))
            .build();
        Files.write(out, question.getEncoded());
        return true;
    }

    private static boolean answer(String[] words) throws Exception {
        OCSPResp response = new OCSPResp(read(words[1]));
        OCSPReq question = new OCSPReq(read(words[2]));
        X509CertificateHolder about = holder(words[3]);
        X509CertificateHolder issuer = holder(words[4]);
        System.out.println("status " + response.getStatus());
        BasicOCSPResp basic = (BasicOCSPResp) response.getResponseObject();
        SingleResp single = basic.getResponses()[0];
        Object status = single.getCertStatus();
        System.out.println(status == null ? "good" : status instanceof RevokedStatus ? "revoked" : "unknown");
        Extension asked = question.getExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nonce);
        Extension answered = basic.getExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nonce);
        X509CertificateHolder responder = basic.getCerts()[0];
        var verifiers = new JcaContentVerifierProviderBuilder().setProvider("BC");
        return single.getCertID().equals(question.getRequestList()[0].getCertID())
            && single.getCertID().matchesIssuer(issuer, digests())
            && single.getCertID().getSerialNumber().equals(about.getSerialNumber())
            && asked.getExtnValue().equals(answered.getExtnValue())
            && responder.isSignatureValid(verifiers.build(issuer))
            && basic.isSignatureValid(verifiers.build(responder));
    }

    private static boolean stampRequest(byte[] digest, Path out) throws Exception {
        TimeStampRequestGenerator generator = new TimeStampRequestGenerator();
        generator.setCertReq(true);
        TimeStampRequest request = generator.generate(GMObjectIdentifiers.sm3, digest, BigInteger.valueOf(99));
        Files.write(out, request.getEncoded());
        return true;
    }

    private static boolean stamp(byte[] der, byte[] asked, X509CertificateHolder issuer) throws Exception {
        TimeStampResponse response = new TimeStampResponse(der);
        System.out.println("status " + response.getStatus() + " " + response.getStatusString());
        response.validate(new TimeStampRequest(asked));
        TimeStampToken token = response.getTimeStampToken();
        @SuppressWarnings("unchecked")
        Collection<X509CertificateHolder> found = token.getCertificates().getMatches(token.getSID());
        X509CertificateHolder signer = found.iterator().next();
        token.validate(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(signer));
        System.out.println("time " + token.getTimeStampInfo().getGenTime().getTime());
        System.out.println("by " + token.getTimeStampInfo().getTsa());
        var verifier = new JcaContentVerifierProviderBuilder().setProvider("BC").build(issuer);
        return signer.isSignatureValid(verifier);
    }

    private static boolean extension(X509CertificateHolder certificate, String oid) throws Exception {
        Extension extension = certificate.getExtension(new ASN1ObjectIdentifier(oid));
        ASN1Primitive value = ASN1Primitive.fromByteArray(extension.getExtnValue().getOctets());
        if (value instanceof ASN1TaggedObject tagged) {
            System.out.println("tag " + tagged.getTagNo());
            value = tagged.getBaseUniversal(false, BERTags.PRINTABLE_STRING).toASN1Primitive();
        }
        System.out.println("value " + ((ASN1String) value).getString());
        return !extension.isCritical();
    }
}
