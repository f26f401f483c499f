from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('smtpcheck', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='smtpaccount',
            name='auth_mechanism',
            field=models.CharField(blank=True, choices=[('', 'automatic'), ('PLAIN', 'PLAIN'), ('LOGIN', 'LOGIN'), ('SCRAM-SHA-256', 'SCRAM-SHA-256'), ('SCRAM-SHA-256-PLUS', "SCRAM-SHA-256-PLUS (tied to the server's certificate)"), ('SCRAM-SHA-1', 'SCRAM-SHA-1'), ('CRAM-MD5', 'CRAM-MD5'), ('XOAUTH2', 'XOAUTH2 (the password is an access token)'), ('OAUTHBEARER', 'OAUTHBEARER (the password is an access token)'), ('EXTERNAL', 'EXTERNAL (the client certificate logs in, no password)')], default='', max_length=32, verbose_name='login mechanism'),
        ),
    ]
