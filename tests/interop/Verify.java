// A second verifier, on BouncyCastle: what this project makes, another implementation has to accept.
//
//   java -cp bcprov.jar:bcpkix.jar:bcutil.jar:. Verify certificate CERT ISSUER
//                                                       crl CRL ISSUER SERIAL
//                                                       ocsp ANSWER RESPONDER
//                                                       request REQUEST
//                                                       seal SEAL
//                                                       sealing SEALING CONTENT
//
// Files are DER. Prints what it saw and ends with 0 when the signature holds, with 1 when it does not.

import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Security;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.security.cert.X509Certificate;
import java.security.spec.AlgorithmParameterSpec;
import java.util.Arrays;
import org.bouncycastle.asn1.ASN1BitString;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.ASN1String;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.SingleResp;
import org.bouncycastle.jcajce.spec.SM2ParameterSpec;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequest;

public final class Verify {
    private static final AlgorithmParameterSpec ID = new SM2ParameterSpec("1234567812345678".getBytes());
    private static final String SM2_WITH_SM3 = "1.2.156.10197.1.501";

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        String kind = arguments[0];
        byte[] first = read(arguments[1]);
        boolean holds = switch (kind) {
            case "certificate" -> certificate(first, read(arguments[2]));
            case "crl" -> crl(first, read(arguments[2]), new BigInteger(arguments[3]));
            case "ocsp" -> ocsp(first, read(arguments[2]));
            case "request" -> request(first);
            case "seal" -> seal(ASN1Sequence.getInstance(strict(first)));
            case "sealing" -> sealing(first, read(arguments[2]));
            default -> throw new IllegalArgumentException(kind);
        };
        System.out.println(holds ? "holds" : "does not hold");
        System.exit(holds ? 0 : 1);
    }

    private static byte[] read(String path) throws Exception {
        return Files.readAllBytes(Path.of(path));
    }

    private static ASN1Primitive strict(byte[] der) throws Exception {
        ASN1Primitive value = ASN1Primitive.fromByteArray(der);
        if (!Arrays.equals(value.getEncoded("DER"), der)) {
            throw new IllegalArgumentException("not the DER of what it holds");
        }
        return value;
    }

    private static X509Certificate x509(byte[] der) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509", "BC");
        return (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(der));
    }

    private static boolean signedBy(PublicKey key, byte[] message, byte[] signature) throws Exception {
        Signature verifier = Signature.getInstance("SM3WITHSM2", "BC");
        verifier.setParameter(ID);
        verifier.initVerify(key);
        verifier.update(message);
        return verifier.verify(signature);
    }

    private static boolean certificate(byte[] der, byte[] issuerDer) throws Exception {
        X509Certificate below = x509(der);
        X509Certificate issuer = x509(issuerDer);
        System.out.println("subject " + below.getSubjectX500Principal());
        System.out.println("serial " + below.getSerialNumber());
        return below.getIssuerX500Principal().equals(issuer.getSubjectX500Principal())
            && issuer.getBasicConstraints() >= 0
            && issuer.getKeyUsage()[5]
            && below.getSigAlgOID().equals(SM2_WITH_SM3)
            && signedBy(issuer.getPublicKey(), below.getTBSCertificate(), below.getSignature());
    }

    private static boolean crl(byte[] der, byte[] issuerDer, BigInteger serial) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509", "BC");
        X509CRL list = (X509CRL) factory.generateCRL(new ByteArrayInputStream(der));
        X509CRLEntry entry = list.getRevokedCertificate(serial);
        System.out.println(entry == null ? "not revoked" : "revoked " + entry.getRevocationReason());
        return signedBy(x509(issuerDer).getPublicKey(), list.getTBSCertList(), list.getSignature());
    }

    private static boolean ocsp(byte[] der, byte[] responderDer) throws Exception {
        BasicOCSPResp basic = (BasicOCSPResp) new OCSPResp(der).getResponseObject();
        for (SingleResp single : basic.getResponses()) {
            Object status = single.getCertStatus();
            System.out.println("serial " + single.getCertID().getSerialNumber());
            System.out.println(status == null ? "good" : status instanceof RevokedStatus ? "revoked" : "unknown");
        }
        PublicKey key = x509(responderDer).getPublicKey();
        return signedBy(key, basic.getTBSResponseData(), basic.getSignature())
            && basic.getCerts()[0].equals(new X509CertificateHolder(responderDer));
    }

    private static boolean request(byte[] der) throws Exception {
        JcaPKCS10CertificationRequest request = new JcaPKCS10CertificationRequest(der).setProvider("BC");
        System.out.println("subject " + request.getSubject());
        return request.isSignatureValid(
            new JcaContentVerifierProviderBuilder().setProvider("BC").build(request.getPublicKey()));
    }

    private static boolean seal(ASN1Sequence seal) throws Exception {
        ASN1Sequence info = ASN1Sequence.getInstance(seal.getObjectAt(0));
        ASN1Sequence header = ASN1Sequence.getInstance(info.getObjectAt(0));
        ASN1Sequence property = ASN1Sequence.getInstance(info.getObjectAt(2));
        System.out.println("header " + text(header, 0) + " " + header.getObjectAt(1) + " " + text(header, 2));
        System.out.println("seal " + text(info, 1));
        System.out.println("name " + text(property, 1));
        System.out.println("list " + property.getObjectAt(2));
        return text(header, 0).equals("ES") && signed(seal);
    }

    private static boolean sealing(byte[] der, byte[] content) throws Exception {
        ASN1Sequence sealing = ASN1Sequence.getInstance(strict(der));
        ASN1Sequence toSign = ASN1Sequence.getInstance(sealing.getObjectAt(0));
        ASN1Sequence seal = ASN1Sequence.getInstance(toSign.getObjectAt(1));
        byte[] digest = MessageDigest.getInstance("SM3", "BC").digest(content);
        boolean same = Arrays.equals(digest, ASN1BitString.getInstance(toSign.getObjectAt(3)).getOctets());
        System.out.println("version " + ASN1Integer.getInstance(toSign.getObjectAt(0)).getValue());
        System.out.println("covers " + text(toSign, 4));
        System.out.println(same ? "content unchanged" : "content changed");
        return seal(seal) && lists(seal, bytes(sealing, 1)) && signed(sealing) && same;
    }

    private static boolean lists(ASN1Sequence seal, byte[] certificate) throws Exception {
        ASN1Sequence info = ASN1Sequence.getInstance(seal.getObjectAt(0));
        ASN1Sequence property = ASN1Sequence.getInstance(info.getObjectAt(2));
        boolean whole = ASN1Integer.getInstance(property.getObjectAt(2)).hasValue(1);
        byte[] digest = MessageDigest.getInstance("SM3", "BC").digest(certificate);
        ASN1Sequence list = ASN1Sequence.getInstance(property.getObjectAt(3));
        for (int index = 0; index < list.size(); index++) {
            byte[] listed = whole ? bytes(list, index) : bytes(ASN1Sequence.getInstance(list.getObjectAt(index)), 1);
            if (Arrays.equals(listed, whole ? certificate : digest)) {
                return true;
            }
        }
        System.out.println("signer not in the seal");
        return false;
    }

    // SESeal and SES_Signature alike: what is signed, certificate, algorithm, signature.
    private static boolean signed(ASN1Sequence whole) throws Exception {
        PublicKey key = x509(bytes(whole, 1)).getPublicKey();
        byte[] signature = ASN1BitString.getInstance(whole.getObjectAt(3)).getOctets();
        return ASN1ObjectIdentifier.getInstance(whole.getObjectAt(2)).getId().equals(SM2_WITH_SM3)
            && signedBy(key, whole.getObjectAt(0).toASN1Primitive().getEncoded("DER"), signature);
    }

    private static byte[] bytes(ASN1Sequence sequence, int index) {
        return ASN1OctetString.getInstance(sequence.getObjectAt(index)).getOctets();
    }

    private static String text(ASN1Sequence sequence, int index) {
        return ((ASN1String) sequence.getObjectAt(index)).getString();
    }
}
